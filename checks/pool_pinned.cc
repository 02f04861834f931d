#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "checks/check.h"
#include "checks/load.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

// A pool whose sessions are all busy shows as a flat line: as many active sessions as it has, sample after sample,
// while each statement takes long. The queue stands in the application, where we cannot see it.
constexpr Setting<Count> least{"least", 5, "active sessions of one application below which it is no pool"};
constexpr Setting<Seconds> span{"span", 60, "how long the line must have been flat"};
constexpr Setting<Ratio> flat{"flat", 0.9, "share of the samples that must stand at the maximum"};
constexpr Setting<Seconds> slow{"slow", 1, "average age of the running statements from which few finish"};
constexpr Setting<Seconds> past{"past", 15 * 60, "how far back the level before is looked for"};
constexpr Setting<Ratio> raised{"raised", 2, "how many times the level before the line must stand to be news"};

using Who = std::tuple<std::string, std::string, std::string>;  // application, user, database

struct Point {
  Time at;
  double active = 0, age = 0;  // age: summed
};

std::string name(const Who& w) {
  const auto& [application, user, database] = w;
  return fmt::format("{} (role {}, database {})",
                     application.empty() ? "an unnamed application" : words::one_line(application, 63),
                     words::one_line(user, 63), words::one_line(database, 63));
}

std::map<Who, std::vector<Point>> lines(const Input& in) {
  std::map<Who, std::vector<Point>> all;
  const auto samples = in.series(activity, in[past]);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    for (const Session& s : samples[i].rows) {
      if (!is_active(s) || s.leader_pid) continue;
      auto& line = all[{s.application, s.user, s.database}];
      line.resize(samples.size());
      line[i].active += 1;
      line[i].age += s.query_age.value_or(0);
    }
  }
  for (auto& [who, line] : all)
    for (std::size_t i = 0; i < samples.size(); ++i) line[i].at = samples[i].at;
  return all;
}

std::optional<Finding> judge(const Input& in, const Who& who, const std::vector<Point>& line) {
  std::size_t first = line.size();
  while (first > 0 && seconds_between(line[first - 1].at, in.at()) <= in[span]) --first;
  const std::size_t n = line.size() - first;
  if (n < 5 || seconds_between(line[first].at, line.back().at) < 0.9 * in[span]) return std::nullopt;
  double top = 0, age = 0, active = 0, at_top = 0;
  for (std::size_t i = first; i < line.size(); ++i) {
    top = std::max(top, line[i].active);
    age += line[i].age;
    active += line[i].active;
  }
  for (std::size_t i = first; i < line.size(); ++i) at_top += line[i].active >= top ? 1 : 0;
  const double samples = static_cast<double>(n);
  if (top < in[least] || at_top < in[flat] * samples || age < in[slow] * active) return std::nullopt;

  // The line began where the count first came near its maximum and stayed.
  std::size_t begin = first;
  while (begin > 0 && line[begin - 1].active >= 0.9 * top) --begin;
  double before = 0;
  for (std::size_t i = 0; i < begin; ++i) before += line[i].active / static_cast<double>(begin);
  const bool news = begin >= 5 && top >= in[raised] * before;

  Finding f;
  f.role = Role::symptom;
  f.severity = news ? Severity::warning : Severity::info;
  f.act_by = news ? ActBy::now : ActBy::later;
  f.object = {"role", words::one_line(std::get<1>(who), 63), std::get<2>(who)};
  f.sentence = fmt::format("all {} sessions of {} are busy, sample after sample: whoever else asks waits in its pool",
                           words::count(top), name(who));
  f.evidence = {
      {"at the maximum", fmt::format("{} of {}", words::share(at_top / samples), words::counted(samples, "sample"))},
      {"running statements", fmt::format("{} old on average", words::duration(age / active))}};
  if (begin >= 5) f.evidence.push_back({"active before", words::number(before) + " on average"});
  f.load = top;
  f.confidence = Confidence::medium;
  f.basis = "the pool itself cannot be seen; its sessions stand flat at their maximum";
  if (begin > 0) f.since = line[begin].at;
  return f;
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  for (const auto& [who, line] : lines(in))
    if (auto f = judge(in, who, line)) found.push_back(std::move(*f));
  std::stable_sort(found.begin(), found.end(), [](const Finding& a, const Finding& b) { return a.load > b.load; });
  return found;
}

std::string fine(const Input& in) {
  const auto samples = in.series(activity, in[span]);
  if (samples.size() < 5 || seconds_between(samples.front().at, samples.back().at) < 0.9 * in[span]) return {};
  return fmt::format("no application stood flat at its maximum over {}", words::duration(in[span]));
}

// `now` sessions whose statements are `age` old for the last `seconds` of five minutes, and `then` before.
Scenario pool(int now, double age, int then, double seconds = 120, int wobble = 0) {
  Scenario out;
  int i = 0;
  for (double ago = 300; ago >= 0; ago -= 2, ++i) {
    std::vector<Session> all;
    const int n = ago <= seconds ? now - (wobble > 0 ? i % wobble : 0) : then;
    for (int k = 0; k < n; ++k) {
      Session s;
      s.pid = 100 + k;
      s.user = "app";
      s.application = "web";
      s.database = "shop";
      s.backend_type = "client backend";
      s.state = "active";
      s.query_age = ago <= seconds ? age : 0.01;
      all.push_back(s);
    }
    out.saw(ago, activity, all);
  }
  return out;
}

}  // namespace

extern const Check pool_pinned;
const Check pool_pinned{
    .id = "pool_pinned",
    .title = "An application's pool is used up",
    .why = "All its sessions are busy with statements that take long; further requests wait inside the application.",
    .role = Role::symptom,
    .reads = {activity},
    .settings = {least, span, flat, slow, past, raised},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"twenty sessions, flat for two minutes, before that two",
                  [] { return pool(20, 5, 2); },
                  {Severity::warning}},
                 {"twelve workers that always have work", [] { return pool(12, 60, 0, 300); }, {Severity::info}},
                 {"pgbench at full speed: sixteen short statements", [] { return pool(16, 0.02, 2); }, {}},
                 {"a load that goes up and down", [] { return pool(20, 5, 2, 120, 9); }, {}},
                 {"three reports beside each other", [] { return pool(3, 60, 0); }, {}},
                 {"for half a minute only", [] { return pool(20, 5, 2, 30); }, {}}},
};

}  // namespace pgvigil
