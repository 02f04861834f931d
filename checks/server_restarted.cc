#include <fmt/format.h>

#include "checks/check.h"
#include "checks/moments.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Seconds> window{"window", 15 * 60, "how long a restart is told"};
constexpr Setting<Seconds> late{
    "late", 30, "background processes that start so long after the server itself were started again by a crash"};

Finding event(const Input& in, Time when, std::string sentence) {
  Finding f;
  f.role = Role::event;
  f.severity = Severity::info;
  f.act_by = ActBy::later;
  f.object = {"server", in.context().target};
  f.sentence = std::move(sentence);
  f.since = when;
  f.confidence = Confidence::high;
  f.evidence.push_back(
      {"at", fmt::format("{}, {} ago", words::clock(when), words::duration(seconds_between(when, in.at())))});
  return f;
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  for (const Server& s : in.now(server)) {
    const Time seen = in.seen(server)->at;
    const Time started = on_our_clock(s, seen, s.start_time);
    const Time ready = on_our_clock(s, seen, s.background_start.value_or(s.start_time));
    const bool recovered = seconds_between(started, ready) >= in[late];
    const auto move = last_move(in, in[window], [](const Server& v) { return v.start_time; });
    if (seconds_between(started, in.at()) <= in[window]) {
      Finding f =
          event(in, started,
                fmt::format("the server was started at {}{}", words::clock(started),
                            recovered ? fmt::format(", and recovered from a crash until {}", words::clock(ready))
                                      : std::string()));
      f.basis = "the server's own start time";
      if (move) {
        f.severity = Severity::warning;
        f.act_by = ActBy::today;
        f.evidence.push_back({"before that", fmt::format("up for {}, last seen at {}",
                                                         words::duration(move->before.now - move->before.start_time),
                                                         words::clock(move->earliest))});
      }
      f.evidence.push_back({"why", "the server's log says whether it was stopped or crashed"});
      found.push_back(std::move(f));
    } else if (recovered && seconds_between(ready, in.at()) <= in[window]) {
      Finding f =
          event(in, ready,
                fmt::format("the server crashed and recovered at {}: every session was ended", words::clock(ready)));
      f.severity = Severity::warning;
      f.act_by = ActBy::today;
      f.basis = "its background processes started again, the server itself did not";
      f.evidence.push_back(
          {"server up since", fmt::format("{} before", words::duration(seconds_between(started, ready)))});
      f.evidence.push_back({"why", "one of its processes was killed or crashed: its log, or the kernel's, names it"});
      found.push_back(std::move(f));
    }
  }
  return found;
}

std::string fine(const Input& in) {
  for (const Server& s : in.now(server)) return "the server has been up for " + words::duration(s.now - s.start_time);
  return {};
}

Server life(double ago_now, double started_ago, std::optional<double> background_ago = {}) {
  Server s;
  s.now = 1.7e9 - ago_now;
  s.start_time = 1.7e9 - started_ago;
  s.background_start = 1.7e9 - background_ago.value_or(started_ago);
  return s;
}

Scenario restarted() { return Scenario().saw(60, server, {life(60, 300'000)}).saw(5, server, {life(5, 40)}); }
Scenario crashed() { return Scenario().saw(60, server, {life(60, 300'000)}).saw(5, server, {life(5, 300'000, 50)}); }
Scenario one_look(double started_ago) {
  Scenario s;
  s.context.one_shot = true;
  return s.saw(1, server, {life(1, started_ago)});
}

}  // namespace

extern const Check server_restarted;
const Check server_restarted{
    .id = "server_restarted",
    .title = "The server was restarted",
    .why = "Every session was ended and the caches are cold: what is slow now may only be warming up.",
    .role = Role::event,
    .reads = {server},
    .settings = {window, late},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"started again while it was watched", restarted, {Severity::warning}},
                 {"a process was killed, and the server recovered", crashed, {Severity::warning}},
                 {"one-shot: up for five minutes", [] { return one_look(300); }, {Severity::info}},
                 {"one-shot: up for two days", [] { return one_look(200'000); }, {}}},
};

}  // namespace pgvigil
