#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "checks/blocking_examples.h"
#include "checks/blocking_words.h"
#include "checks/check.h"
#include "checks/load.h"
#include "checks/probes/databases.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<PerSecond> often{"often", 1.0 / 60, "deadlocks a second in one database from which it warns"};
constexpr Setting<Seconds> window{"window", 5 * 60, "the time over which they are counted"};
constexpr Setting<Count> least{"least", 2, "so many have to be seen, unless all that can be seen is one look"};

struct Seen {
  double count = 0, seconds = 0;
};

// Grown since the oldest answer of the window; a reset begins anew.
Seen seen(const Input& in, const Database& now) {
  Seen s;
  const auto all = in.series(databases, in[window]);
  const Database* after = nullptr;
  for (auto answer = all.rbegin(); answer != all.rend(); ++answer) {
    const auto then =
        std::find_if(answer->rows.begin(), answer->rows.end(), [&](const Database& d) { return d.name == now.name; });
    if (then == answer->rows.end() || (after != nullptr && then->deadlocks > after->deadlocks)) break;
    after = &*then;
    s.count = static_cast<double>(now.deadlocks - then->deadlocks);
    s.seconds = seconds_between(answer->at, all.back().at);
  }
  return s;
}

// Sessions that wait for one another: for the second that the server takes to find it out, the samples show the circle.
struct Circle {
  std::vector<const Session*> way;
  std::size_t samples = 0;  // that show it
};

// The newest first, which tell the most.
std::vector<Circle> circles(const Input& in, const std::string& database) {
  std::vector<Circle> found;
  std::map<std::vector<std::pair<std::int64_t, double>>, std::size_t> known;  // by pid and start of its statement
  const auto samples = in.series(activity, in[window]);
  for (auto sample = samples.rbegin(); sample != samples.rend(); ++sample) {
    std::map<std::int64_t, const Session*> by_pid;
    for (const Session& s : sample->rows) by_pid.emplace(s.pid, &s);
    std::set<std::size_t> seen;
    for (const Session& s : sample->rows) {
      std::vector<const Session*> way{&s};
      while (way.size() < 10 && !way.back()->blocked_by.empty()) {
        const auto next = by_pid.find(way.back()->blocked_by.front());
        if (next == by_pid.end()) break;
        if (next->second == &s) {
          std::vector<std::pair<std::int64_t, double>> who;
          for (const Session* w : way) who.emplace_back(w->pid, w->query_start);
          std::sort(who.begin(), who.end());
          if (s.database != database) break;
          const auto [it, is_new] = known.emplace(std::move(who), found.size());
          if (is_new) found.push_back({way, 0});
          if (seen.insert(it->second).second) ++found[it->second].samples;
          break;
        }
        way.push_back(next->second);
      }
    }
  }
  return found;
}

// One look is too short for a count. Sessions that stay in a circle are a deadlock that the server is about to find;
// in one sample alone, which is not taken at one instant, two may only have passed a lock to each other.
double about_to_end(const std::vector<Circle>& all) {
  return static_cast<double>(std::count_if(all.begin(), all.end(), [](const Circle& c) { return c.samples >= 2; }));
}

// Queues of the same statements are the circles' doing: for a second at a time everybody stands behind one.
void blame_for_queues(const Input& in, const std::vector<BlockingTree>& trees, double active, Finding& f) {
  for (const BlockingTree& t : trees) {
    const auto harm = queue_harm(in, t, active);
    if (!harm || harm->waits < in[blocking::warn] || t.waiters.front().session->database != f.object.name) continue;
    const bool same = std::any_of(t.waiters.begin(), t.waiters.end(), [&](const Waiter& w) {
      return std::find(f.queries.begin(), f.queries.end(), w.session->query_id) != f.queries.end();
    });
    if (same) tell_queue(in, t, *harm, f);
  }
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  const auto trees = blocking_trees(in);
  const double active = load(in, 30).active;
  for (const Database& d : in.now(databases)) {
    Seen s = seen(in, d);
    if (in.context().one_shot && d.deadlocks > 0) s.count = std::max(s.count, about_to_end(circles(in, d.name)));
    if (s.seconds <= 0 || s.count < (in.context().one_shot ? 1 : in[least]) || s.count / s.seconds < in[often])
      continue;
    Finding f;
    f.severity = Severity::warning;
    f.act_by = ActBy::today;
    f.object = {"database", d.name, d.name};
    f.sentence =
        fmt::format("{} in {} within {}: the server ends one of the transactions each time",
                    words::counted(s.count, "deadlock"), words::one_line(d.name, 63), words::duration(s.seconds));
    f.confidence = in.context().one_shot ? Confidence::medium : Confidence::high;
    f.basis = "the server's own count";
    f.fix = "lock rows in the same order everywhere";
    f.evidence.push_back({"deadlocks", fmt::format("{} in {}", words::count(s.count), words::duration(s.seconds))});
    const auto rings = circles(in, d.name);
    for (std::size_t i = 0; i < std::min<std::size_t>(rings.size(), 2); ++i)
      for (const Session* w : rings[i].way) {
        f.evidence.push_back({fmt::format("pid {} waits for {}", w->pid, w->blocked_by.front()),
                              fmt::format("{} ({}): {}", words::one_line(w->application, 63),
                                          words::one_line(w->user, 63), words::one_line(w->query, 200))});
        for (std::string& t : tables_in(w->query))
          if (std::find(f.tables.begin(), f.tables.end(), t) == f.tables.end()) f.tables.push_back(std::move(t));
        if (!w->query_id.empty()) f.queries.push_back(w->query_id);
      }
    blame_for_queues(in, trees, active, f);
    if (!f.tables.empty()) f.sentence += "; seen on " + words::list(f.tables, 3);
    if (rings.empty())
      f.evidence.push_back(
          {"who", "no sample caught one: the server's log names the statements of each (deadlock detected)"});
    Step look{.title = "see both statements of each deadlock: the server writes them to its log",
              .database = d.name,
              .run_as = "superuser",
              .sql = "SELECT pg_catalog.pg_current_logfile();"};
    look.duration = "at once";
    look.lock = "none";
    look.caution = "search it for: deadlock detected";
    f.remedies.push_back({Remedy::Kind::cure,
                          "change rows in one order everywhere (ORDER BY the key in SELECT ... FOR UPDATE first), and "
                          "try again on 40P01",
                          {std::move(look)}});
    found.push_back(std::move(f));
  }
  return found;
}

std::string fine(const Input& in) {
  double n = 0, seconds = 0;
  for (const Database& d : in.now(databases)) {
    const Seen s = seen(in, d);
    n += s.count;
    seconds = std::max(seconds, s.seconds);
  }
  return seconds <= 0 ? "" : fmt::format("{} in {}", words::counted(n, "deadlock"), words::duration(seconds));
}

Scenario counted(std::int64_t grown, double over, bool one_shot = false) {
  Scenario s;
  s.context.one_shot = one_shot;
  const auto with = [](std::int64_t n) {
    Database d{.name = "shop", .oid = 5};
    d.deadlocks = n;
    return std::vector<Database>{d};
  };
  Session a{.pid = 1, .database = "shop", .user = "app", .application = "web"}, b = a;
  b.pid = 2;
  a.blocked_by = {2};
  b.blocked_by = {1};
  a.query = "UPDATE accounts SET balance = balance - $1 WHERE id = $2";
  b.query = "UPDATE accounts SET balance = balance + $1 WHERE id = $2";
  return s.saw(over, databases, with(40)).saw(over / 2, activity, {a, b}).saw(0, databases, with(40 + grown));
}

// The count stands still in the short time of one look, which shows the same circle in so many samples.
Scenario in_a_circle(int samples, std::int64_t before = 40) {
  Scenario s = counted(before - 40, 2, true);
  const auto pair = static_cast<const RowsOf<Session>&>(*s.history.series(activity).back().rows).rows;
  s.history = {};
  Database d{.name = "shop", .oid = 5};
  d.deadlocks = before;
  s.saw(2, databases, {d});
  for (int i = samples; i > 0; --i) s.saw(0.5 * i, activity, pair);
  return s.saw(0, databases, {d});
}

// Others wait for the same rows meanwhile.
Scenario with_queue(int waiters, double age, int others = 0) {
  const Scenario behind =
      blocking_examples::queue({.waiters = waiters, .age = age, .state = "active", .others = others});
  Scenario s = counted(6, 120);
  auto rows = static_cast<const RowsOf<Session>&>(*behind.history.series(activity).back().rows).rows;
  auto circle = static_cast<const RowsOf<Session>&>(*s.history.series(activity).back().rows).rows;
  for (Session& c : circle) c.query_id = "7";
  s.saw(8, activity, circle);
  for (const double ago : {6.0, 3.0, 0.0}) s.saw(ago, activity, rows);
  return s;
}

}  // namespace

extern const Check deadlocks;
const Check deadlocks{
    .id = "deadlocks",
    .title = "Deadlocks",
    .why =
        "Two transactions wait for each other for a second, then one of them fails: the application changes the "
        "same rows in different orders.",
    .role = Role::cause,
    .explains = {"lock_queue", "hot_row", "queries_timing_out", "load_above_cores", "connections_rising"},
    .reads = {databases},
    .may_read = {activity, lock_waits},
    .settings = {often, window, least, blocking::waiting, blocking::warn, blocking::critical, blocking::critical_share},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"six in two minutes", [] { return counted(6, 120); }, {Severity::warning}},
                 {"and most of the load waits meanwhile", [] { return with_queue(8, 6); }, {Severity::critical}},
                 {"and four of many sessions wait", [] { return with_queue(4, 6, 12); }, {Severity::warning}},
                 {"and one waits for long", [] { return with_queue(1, 30, 6); }, {Severity::warning}},
                 {"and twenty of very many wait", [] { return with_queue(20, 6, 80); }, {Severity::critical}},
                 {"one look sees one", [] { return counted(1, 3, true); }, {Severity::warning}},
                 {"one look sees none end, but two that wait for each other",
                  [] { return in_a_circle(2); },
                  {Severity::warning}},
                 {"one sample shows two that wait for each other", [] { return in_a_circle(1); }, {}},
                 {"the server has never counted one", [] { return in_a_circle(2, 0); }, {}},
                 {"one, an hour after the last", [] { return counted(1, 10); }, {}},
                 {"three in four minutes", [] { return counted(3, 240); }, {}},
                 {"none", [] { return counted(0, 60); }, {}}},
};

}  // namespace pgvigil
