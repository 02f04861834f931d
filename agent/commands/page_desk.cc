#include "agent/commands/page_desk.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

#include "agent/core/render_json.h"
#include "agent/pg/now.h"
#include "checks/load.h"
#include "checks/probes/activity.h"
#include "checks/probes/known_plans.h"
#include "checks/probes/plans.h"

namespace pgvigil {
namespace {

constexpr double a_day = 86400;
constexpr std::size_t most_moments = 500;
constexpr double finest = 20 * 60;       // seconds of the past that are answered sample by sample
constexpr double minutes_shown = 1'500;  // a look at more of them is at averages
constexpr int most_waiting = 64;         // looks at the past at a time: more of them mean that the disk hangs
constexpr auto patience = std::chrono::seconds(10);
constexpr double usual_events = a_day;  // seconds before `until`, where no `from` is given
constexpr double same_event = 60;       // seconds between the times at which it happened, as two processes tell them
constexpr double longest = 8 * a_day;   // of one answer: whoever asks for years gets the newest week, not our memory

Text text(std::string s) { return std::make_shared<const std::string>(std::move(s)); }

std::string past_load(HistoryReader& reader, std::int64_t id, const PastAsk& ask, std::optional<double> vcpus,
                      double interval) {
  const Time until = ask.until, from = std::max(ask.from, after(until, -longest));
  const double span = seconds_between(from, until);
  LoadLog log(span + 120);
  double resolution = 60;
  if (span <= finest) {
    resolution = interval;
    for (const Observation& o : reader.observations(id, from, until, {std::string(activity.id())})) log.observed(o);
  }
  if (log.empty()) {
    const int each = std::max(1, static_cast<int>(std::ceil(span / 60 / minutes_shown)));
    resolution = 60 * each;
    for (const Minute& m : coarser(reader.minutes(id, from, until), each)) log.add(m);
  }
  return log.json(ask.target, vcpus, resolution, Time::min(), Time::max());
}

// Noted by a process before us, which took its time from other samples.
bool is_same_event(const Moment& a, const Moment& b) {
  return a.kind == b.kind && a.check == b.check && a.object == b.object &&
         std::abs(seconds_between(a.started, b.started)) <= same_event;
}

}  // namespace

void PageDesk::configure(const std::string& deploys_file) {
  if (deploys_file == deploys_file_.path()) return;
  deploys_file_ = DeploysFile(deploys_file);
  deploys_.clear();
}

void PageDesk::recall(const std::string& target, std::function<void(std::function<void()>)> on_loop) {
  if (history_ == nullptr) return;
  targets_[target].recalling = true;
  targets_[target].recall_from = utc_now();
  history_->ask(target, [this, target, on_loop = std::move(on_loop)](HistoryReader* reader, std::int64_t id) {
    std::vector<Moment> earlier;
    if (reader != nullptr) try {
        earlier = reader->moments(id, after(utc_now(), -a_day), Time::max());
      } catch (const std::exception&) {
        // Damaged: the history's first flush tells.
      }
    on_loop([this, target, earlier = std::move(earlier)] { recalled(target, earlier); });
  });
}

void PageDesk::recalled(const std::string& target, const std::vector<Moment>& earlier) {
  const auto w = targets_.find(target);
  if (w == targets_.end()) return;
  std::vector<Moment> all = earlier;  // and what came since, which may be among it by now
  const Time last = all.empty() ? Time::min() : all.back().at;
  for (Moment& m : w->second.moments)
    if (m.at > last) all.push_back(std::move(m));
  w->second.moments = std::move(all);
  w->second.recalling = false;
  for (const Moment& m : std::exchange(w->second.waiting, {})) happened(target, m);
}

void PageDesk::observed(const Context& context, const Observation& observation) {
  if (history_ != nullptr) history_->observed(context, observation);
  // A last answer may come when the target is no longer watched.
  if (const auto w = targets_.find(context.target); w != targets_.end()) {
    w->second.interval = context.intervals.sample;
    board_.sampled(context.target, w->second.vcpus, context.intervals.sample, observation);
  }
}

void PageDesk::judged(const Report& report) {
  if (history_ != nullptr) history_->judged(report);
}

void PageDesk::happened(const std::string& target, const Moment& moment) {
  const auto w = targets_.find(target);
  if (w != targets_.end() && moment.kind == "event") {
    const auto same = [&](const Moment& noted) {
      return noted.at < w->second.recall_from && is_same_event(noted, moment);
    };
    if (std::any_of(w->second.moments.begin(), w->second.moments.end(), same)) return;
    if (w->second.recalling) return w->second.waiting.push_back(moment);
  }
  if (history_ != nullptr) history_->happened(target, moment);
  if (w != targets_.end()) w->second.moments.push_back(moment);
}

// Judging a plan is the dearest part: done once for each answer of the server, and once it is remembered.
void PageDesk::judge(Watched& w, const Input& in) {
  const Answer* newest = in.history().latest(plans);
  const Answer* known = in.history().latest(known_plans);
  const std::pair made_from(newest != nullptr ? newest->at : Time{}, known != nullptr ? known->at : Time{});
  if (w.plans_document && w.plans_made_from == made_from) return;
  w.plans_made_from = made_from;
  w.plans = judge_plans(in);
  w.plans_document = text(plans_document(in, w.plans));
}

std::vector<Moment> PageDesk::newest(const Watched& w, Time now) {
  std::vector<Moment> all = w.moments;
  all.insert(all.end(), w.waiting.begin(), w.waiting.end());
  for (const Moment& d : deploys_)
    if (seconds_between(d.at, now) <= a_day) all.push_back(d);
  return all;
}

void PageDesk::reported(const Report& report, const History& history, const Context& context,
                        const std::vector<OpenIncident>& open) {
  Watched& w = targets_[report.target];
  for (auto* all : {&w.moments, &w.waiting})
    std::erase_if(*all, [&](const Moment& m) { return seconds_between(m.at, report.at) > a_day; });
  if (w.moments.size() > most_moments)
    w.moments.erase(w.moments.begin(), w.moments.end() - static_cast<std::ptrdiff_t>(most_moments));
  auto read = deploys_file_.changed(report.at);
  if (!read.trouble.empty()) spdlog::warn("events.deploys_file: {}", read.trouble);
  if (read.fresh) deploys_ = std::move(read.deploys);
  static const CheckSettings none;
  const Input in(history, context, none, report.at);
  w.vcpus = report.load.vcpus;
  judge(w, in);
  Published p{.target = report.target, .verdict = report.verdict, .reachable = report.reachable};
  p.report = text(render_json(report));
  p.line = text(target_document(report, open));
  p.findings = text(findings_document(report));
  p.others["queries"] = text(queries_document(in, w.plans));
  p.others["plans"] = w.plans_document;
  p.others["activity"] = text(activity_document(in, report));
  p.others["progress"] = text(progress_document(in));
  p.others["events"] = text(events_document(report.target, newest(w, report.at)));
  board_.publish(std::move(p));
}

void PageDesk::retire(const std::string& target) {
  board_.retire(target);
  targets_.erase(target);
}

AskPast PageDesk::past() const {
  if (history_ == nullptr) return nullptr;
  const auto waiting = std::make_shared<std::atomic<int>>(0);
  return [this, waiting](PastAsk ask, std::function<void(Text)> answer) {
    if (*waiting >= most_waiting) return answer(nullptr);
    ++*waiting;
    const auto patient_until = std::chrono::steady_clock::now() + patience;
    const auto w = targets_.find(ask.target);
    const auto vcpus = w == targets_.end() ? std::nullopt : w->second.vcpus;
    const double interval = w == targets_.end() ? 1 : w->second.interval;
    std::vector<Moment> deploys = deploys_;
    ask.until = std::min(ask.until, utc_now());
    if (ask.from == Time::min()) ask.from = after(ask.until, ask.path == "load" ? -usual_load : -usual_events);
    history_->ask(ask.target, [ask, vcpus, interval, waiting, patient_until, deploys = std::move(deploys),
                               answer = std::move(answer)](HistoryReader* reader, std::int64_t id) {
      --*waiting;
      Text out = nullptr;
      const bool late = std::chrono::steady_clock::now() > patient_until;  // nobody waits for it any more
      if (reader != nullptr && !late) try {
          if (ask.path == "load") {
            out = text(past_load(*reader, id, ask, vcpus, interval));
          } else {
            auto moments = reader->moments(id, ask.from, ask.until);
            for (const Moment& d : deploys)
              if (d.at >= ask.from && d.at <= ask.until) moments.push_back(d);
            out = text(events_document(ask.target, std::move(moments)));
          }
        } catch (const std::exception&) {
          out = nullptr;  // damaged or gone: the answer says so
        }
      answer(std::move(out));
    });
  };
}

}  // namespace pgvigil
