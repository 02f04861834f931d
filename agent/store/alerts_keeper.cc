#include "agent/store/alerts_keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "agent/store/alerts_file.h"
#include "agent/store/kept_file.h"

namespace pgvigil {
namespace {

constexpr std::size_t most_idle = 100, most_tasks = 5000;  // that wait for a disk which does not answer

}  // namespace

class AlertsKeeper::Writer {
 public:
  explicit Writer(AlertsKeeperOptions options)
      : options_(std::move(options)),
        file_(
            {.directory = options_.directory,
             .trouble = fmt::format("alerts are sent from memory, a restart may lose or repeat one; it is tried again "
                                    "every {:g} s",
                                    std::chrono::duration<double>(options_.beat).count()),
             .damage = "silences are lost, and an alert may come twice",
             .well = "the alerts are written again",
             .say = options_.say},
            [this] { return opened(); }) {}

  // False: a disk that does not answer has let too many pile up.
  bool put(std::function<void()> task, std::size_t most) {
    {
      const std::lock_guard lock(mutex_);
      if (tasks_.size() >= most) return false;
      tasks_.push_back(std::move(task));
    }
    wake_.notify_one();
    return true;
  }

  void run() {
    write({});
    look_at_silences();
    for (bool last = false; !last;) {
      std::vector<std::function<void()>> tasks;
      {
        std::unique_lock lock(mutex_);
        wake_.wait_for(lock, options_.beat, [&] { return stopping_ || !tasks_.empty(); });
        last = stopping_;
        tasks.swap(tasks_);
      }
      for (const auto& task : tasks) task();
      if (tasks.empty() || last) {
        if (!unwritten_.empty() || !file_.is_open()) write({});
        look_at_silences();
      }
    }
    const std::lock_guard lock(mutex_);
    file_.close();
    lock_.reset();
    ended_ = true;
    wake_.notify_all();
  }

  bool stop(Milliseconds patience) {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
    return wake_.wait_for(lock, patience, [&] { return ended_; });
  }

  void keep(std::string target, std::string state, std::vector<Delivery> deliveries) {
    Unwritten& u = unwritten_[target];
    u.state = std::move(state);
    std::move(deliveries.begin(), deliveries.end(), std::back_inserter(u.deliveries));
    if (u.deliveries.size() > AlertsFile::most_waiting)  // they were sent from memory, or are about to be
      u.deliveries.erase(u.deliveries.begin(),
                         u.deliveries.end() - static_cast<std::ptrdiff_t>(AlertsFile::most_waiting));
    write({});
  }

  void settled(const std::string& receiver, const std::string& id) {
    for (auto& [target, u] : unwritten_)
      std::erase_if(u.deliveries, [&](const Delivery& d) { return d.receiver == receiver && d.id == id; });
    write({{receiver, id}});
  }

  bool degraded() const { return file_.degraded(); }
  const AlertsKeeperOptions& options() const { return options_; }

 private:
  struct Unwritten {
    std::string state;
    std::vector<Delivery> deliveries;
  };
  using Settled = std::vector<std::pair<std::string, std::string>>;  // receiver, id

  // Ours alone; what an earlier process left is told before anything is written.
  std::unique_ptr<AlertsFile> opened() {
    if (!lock_) lock_.emplace(options_.directory);
    auto file = std::make_unique<AlertsFile>(options_.directory);
    if (!recovered_ && options_.recovered)
      options_.recovered({file->waiting(), file->states(), file->silences(options_.now())});
    recovered_ = true;
    return file;
  }

  void write(const Settled& settled) {
    std::move(settled.begin(), settled.end(), std::back_inserter(settled_));
    if (settled_.size() > 100'000) settled_.erase(settled_.begin(), settled_.begin() + 50'000);
    file_.use([&](AlertsFile& f) {
      for (const auto& [receiver, id] : settled_) f.settled(receiver, id);
      settled_.clear();
      while (!unwritten_.empty()) {
        const auto& [target, u] = *unwritten_.begin();
        f.keep(target, u.state, u.deliveries);
        unwritten_.erase(unwritten_.begin());
      }
      if (const std::size_t n = f.make_room(); n > 0)
        file_.say(fmt::format("{} alerts found no room and were given up", n));
    });
  }

  void look_at_silences() {
    if (!options_.silences) return;
    file_.use([&](AlertsFile& f) {
      const std::int64_t version = f.version();
      std::vector<Silence> now = f.silences(options_.now());
      if (version == seen_version_ && now == seen_silences_) return;
      seen_version_ = version;
      seen_silences_ = now;
      options_.silences(std::move(now));
    });
  }

  AlertsKeeperOptions options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::function<void()>> tasks_;  // guarded
  bool stopping_ = false, ended_ = false;     // guarded
  // The writer's thread alone:
  std::map<std::string, Unwritten> unwritten_;  // by target
  Settled settled_;
  std::optional<DirectoryLock> lock_;
  bool recovered_ = false;
  KeptFile<AlertsFile> file_;
  std::int64_t seen_version_ = -1;
  std::vector<Silence> seen_silences_;
};

AlertsKeeper::AlertsKeeper(AlertsKeeperOptions options) : writer_(std::make_shared<Writer>(std::move(options))) {
  std::thread([w = writer_] { w->run(); }).detach();  // whoever stops us waits for it, but not for ever
}

AlertsKeeper::~AlertsKeeper() { stop(Milliseconds(2000)); }

void AlertsKeeper::keep(std::string target, std::string state, std::vector<Delivery> deliveries,
                        std::function<void()> done) {
  // A state without an edge is kept again in a minute.
  const std::size_t most = deliveries.empty() ? most_idle : most_tasks;
  auto task = [w = writer_, target = std::move(target), state = std::move(state), deliveries = std::move(deliveries),
               done]() mutable {
    w->keep(std::move(target), std::move(state), std::move(deliveries));
    done();
  };
  if (!writer_->put(std::move(task), most)) done();
}

void AlertsKeeper::settled(std::string receiver, std::string id) {
  writer_->put([w = writer_, receiver = std::move(receiver), id = std::move(id)] { w->settled(receiver, id); },
               2 * most_tasks);
}

bool AlertsKeeper::degraded() const { return writer_->degraded(); }

bool AlertsKeeper::stop(Milliseconds patience) {
  if (std::exchange(stopped_, true)) return true;
  return writer_->stop(patience);
}

}  // namespace pgvigil
