#include "agent/store/history_keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "agent/core/remember.h"
#include "agent/store/kept_file.h"
#include "checks/probes/server.h"

namespace pgvigil {
namespace {

constexpr double in_memory = 15 * 60;  // seconds of what could not be written
constexpr std::size_t rows_in_memory = 200'000;

constexpr std::size_t most_minutes = 600, most_moments = 600, most_judgements = 600;  // of a target, likewise

std::size_t rows_of(const Observation& o) {
  std::size_t rows = 1;
  for (const auto& [id, a] : o.answers) rows += a.rows ? a.rows->size() : 0;
  return rows;
}

// The oldest go, but for so many. Returns how many went.
template <class T>
std::size_t keep_newest(std::vector<T>& all, std::size_t most) {
  if (all.size() <= most) return 0;
  const std::size_t gone = all.size() - most;
  all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(gone));
  return gone;
}

// After a long pause only what outlives the window is of use, and what says whose it is.
std::vector<Observation> newest_memories(HistoryReader& reader, std::int64_t target) {
  constexpr double enough = 1800;  // seconds before the end, within which each was made
  const Time last = reader.raw(target).last;
  ProbeIds wanted{std::string(server.id())};
  for (const AnyProbe* p : memories()) wanted.emplace(p->id());
  auto all = reader.observations(target, after(last, -enough), last, wanted);
  std::vector<Observation> out;
  for (auto o = all.rbegin(); o != all.rend() && !wanted.empty(); ++o) {
    Observation one{o->at, {}};
    for (auto& [id, answer] : o->answers)
      if (answer.rows && wanted.erase(id) > 0) one.answers.emplace(id, std::move(answer));
    if (!one.answers.empty()) out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

class HistoryKeeper::Writer {
 public:
  explicit Writer(KeeperOptions options)
      : options_(std::move(options)),
        file_(
            {.directory = options_.directory,
             .trouble = fmt::format("the state cannot be written; the last 15 minutes stay in memory, and it is tried "
                                    "again every {:g} s",
                                    std::chrono::duration<double>(options_.beat).count()),
             .damage = "",
             .well = "the state is written again",
             .say = options_.say},
            [this] { return std::make_unique<HistoryFile>(options_.directory, options_.limits); }) {}

  void put(const std::string& target, const std::function<void(Kept&, std::vector<Judgement>&)>& add) {
    bool first = false;  // of what is lost
    {
      const std::lock_guard lock(mutex_);
      Inbox& in = inbox_[target];
      const std::size_t before = in.kept.observations.size();
      add(in.kept, in.judgements);
      for (std::size_t i = before; i < in.kept.observations.size(); ++i)
        inbox_rows_ += rows_of(in.kept.observations[i]);
      if (const std::size_t gone = bound(in); gone > 0) first = lost_.fetch_add(gone) == 0;
    }
    if (first && options_.say)
      options_.say(true, fmt::format("{}: a write does not end; what is seen meanwhile stays in memory, and the oldest "
                                     "of it is lost",
                                     options_.directory));
  }

  void later(std::function<void()> task) {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    wake_.notify_one();
  }

  void run() {
    auto due = std::chrono::steady_clock::now() + options_.beat;
    for (bool last = false; !last;) {
      std::vector<std::function<void()>> tasks;
      {
        std::unique_lock lock(mutex_);
        wake_.wait_until(lock, due, [&] { return stopping_ || !tasks_.empty(); });
        last = stopping_;
        tasks.swap(tasks_);
      }
      // Whoever asks again and again keeps nobody from writing.
      const auto write_when_due = [&](bool now) {
        if (!now && std::chrono::steady_clock::now() < due) return;
        flush(last);
        due = std::chrono::steady_clock::now() + options_.beat;
      };
      for (const auto& task : tasks) {
        task();
        write_when_due(false);
      }
      write_when_due(last);
    }
    const std::lock_guard lock(mutex_);
    file_.close();
    ended_ = true;
    wake_.notify_all();
  }

  bool stop(Milliseconds patience) {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
    return wake_.wait_for(lock, patience, [&] { return ended_; });
  }

  const KeeperOptions& options() const { return options_; }
  bool degraded() const { return file_.degraded() || lost_ > 0; }

 private:
  struct Inbox {
    Kept kept;
    std::vector<Judgement> judgements;
  };

  // While a write hangs nobody empties the inbox. Returns how much of it went.
  std::size_t bound(Inbox& in) {
    std::size_t gone = keep_newest(in.judgements, most_judgements) + keep_newest(in.kept.moments, most_moments);
    const auto shorten = [&](std::vector<Observation>& all, std::size_t most) {
      for (std::size_t i = 0; i + most < all.size(); ++i) inbox_rows_ -= rows_of(all[i]);
      gone += keep_newest(all, most);
    };
    auto& all = in.kept.observations;
    if (!all.empty()) {
      const auto fresh =
          std::find_if(all.begin(), all.end(),
                       [oldest = after(all.back().at, -in_memory)](const auto& o) { return o.at >= oldest; });
      shorten(all, static_cast<std::size_t>(all.end() - fresh));
    }
    if (inbox_rows_ > rows_in_memory)  // the older half of each
      for (auto& [name, i] : inbox_) shorten(i.kept.observations, (i.kept.observations.size() + 1) / 2);
    return gone;
  }

  void flush(bool last) {
    std::map<std::string, Inbox> fresh;
    {
      const std::lock_guard lock(mutex_);
      fresh.swap(inbox_);
      inbox_rows_ = 0;
    }
    const Time now = options_.now();
    for (auto& [name, in] : fresh) {
      Roller& roller = rollers_[name];
      for (const Observation& o : in.kept.observations) roller.observed(o);
      for (const Judgement& j : in.judgements) roller.judged(j);
      if (!in.kept.context.target.empty()) contexts_[name] = std::move(in.kept.context);
      Kept& k = waiting_[name];
      std::move(in.kept.observations.begin(), in.kept.observations.end(), std::back_inserter(k.observations));
      std::move(in.kept.moments.begin(), in.kept.moments.end(), std::back_inserter(k.moments));
    }
    for (auto& [name, roller] : rollers_)
      for (Minute& m : roller.finished(last ? after(now, 66) : now)) waiting_[name].minutes.push_back(std::move(m));
    for (auto& [name, k] : waiting_) {
      k.context = contexts_[name];
      k.context.target = name;
    }
    forget_old(now);
    write(now);
  }

  // In memory, too, the past is bounded.
  void forget_old(Time now) {
    std::size_t rows = 0;
    for (auto& [name, k] : waiting_) {
      std::erase_if(k.observations, [&](const Observation& o) { return seconds_between(o.at, now) > in_memory; });
      keep_newest(k.minutes, most_minutes);
      keep_newest(k.moments, most_moments);
      for (const Observation& o : k.observations) rows += rows_of(o);
    }
    if (rows <= rows_in_memory) return;
    for (auto& [name, k] : waiting_)  // the older half of each
      k.observations.erase(k.observations.begin(),
                           k.observations.begin() + static_cast<std::ptrdiff_t>(k.observations.size() / 2));
  }

  void write(Time now) {
    std::vector<Kept> all;
    for (const auto& [name, k] : waiting_)
      if (!k.observations.empty() || !k.minutes.empty() || !k.moments.empty()) all.push_back(k);
    if (all.empty() && file_.is_open() && !degraded()) return;
    const bool done = file_.use([&](HistoryFile& f) {
      f.write(all, now);
      waiting_.clear();
    });
    if (!done) return;
    if (const std::size_t lost = lost_.exchange(0); lost > 0 && options_.say)
      options_.say(false, fmt::format("{}: writes end again; of what was seen meanwhile, records lost: {}",
                                      options_.directory, lost));
  }

  KeeperOptions options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, Inbox> inbox_;        // by target; guarded
  std::size_t inbox_rows_ = 0;                // of its observations; guarded
  std::vector<std::function<void()>> tasks_;  // guarded
  bool stopping_ = false, ended_ = false;     // guarded
  std::atomic<std::size_t> lost_ = 0;         // records that no longer fitted into the inbox, since the last write
  // The writer's thread alone:
  std::map<std::string, Roller> rollers_;
  std::map<std::string, Context> contexts_;  // as last seen: not every write has an observation of each target
  std::map<std::string, Kept> waiting_;
  KeptFile<HistoryFile> file_;
};

HistoryKeeper::HistoryKeeper(KeeperOptions options) : writer_(std::make_shared<Writer>(std::move(options))) {
  std::thread([w = writer_] { w->run(); }).detach();  // whoever stops us waits for it, but not for ever
}

HistoryKeeper::~HistoryKeeper() { stop(Milliseconds(2000)); }

void HistoryKeeper::observed(const Context& context, const Observation& observation) {
  if (observation.answers.empty()) return;
  writer_->put(context.target, [&](Kept& k, auto&) {
    if (k.context.target.empty()) {
      k.context = context;
      k.context.hot_queries.clear();
    }
    k.observations.push_back(observation);
  });
}

void HistoryKeeper::judged(const Report& report) {
  writer_->put(report.target, [&](Kept&, std::vector<Judgement>& all) { all.push_back(judgement_of(report)); });
}

void HistoryKeeper::happened(const std::string& target, const Moment& moment) {
  writer_->put(target, [&](Kept& k, auto&) { k.moments.push_back(moment); });
}

void HistoryKeeper::ask(const std::string& target, std::function<void(HistoryReader*, std::int64_t)> task) {
  writer_->later([directory = writer_->options().directory, target, task = std::move(task)] {
    std::unique_ptr<HistoryReader> reader;
    std::int64_t id = 0;
    try {
      reader = std::make_unique<HistoryReader>(directory);
      for (const auto& t : reader->targets())
        if (t.name == target) id = t.id;
    } catch (const std::exception&) {
      id = 0;  // none yet, or unreadable: the first flush tells
    }
    task(id == 0 ? nullptr : reader.get(), id);
  });
}

void HistoryKeeper::recall(const std::string& target, Time since, Time until,
                           std::function<void(std::vector<Observation>)> done) {
  ask(target, [since, until, done = std::move(done)](HistoryReader* reader, std::int64_t id) {
    if (reader == nullptr) return;
    try {
      auto all = reader->observations(id, since, until);
      if (all.empty()) all = newest_memories(*reader, id);
      if (!all.empty()) done(std::move(all));
    } catch (const std::exception&) {
      // Damaged: the first flush tells.
    }
  });
}

bool HistoryKeeper::degraded() const { return writer_->degraded(); }

bool HistoryKeeper::stop(Milliseconds patience) {
  if (std::exchange(stopped_, true)) return true;
  return writer_->stop(patience);
}

}  // namespace pgvigil
