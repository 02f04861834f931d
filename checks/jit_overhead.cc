#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "checks/cannot_judge.h"
#include "checks/check.h"
#include "checks/load.h"
#include "checks/plans/scans.h"
#include "checks/probes/jit.h"
#include "checks/probes/plan_indexes.h"
#include "checks/probes/plan_tables.h"
#include "checks/probes/statement_texts.h"
#include "checks/probes/statements.h"
#include "checks/probes/timeouts.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Ratio> most{"share", 0.3, "share of a query's time that JIT compilation may take", 0.9};
constexpr Setting<Seconds> short_query{"short_query", 10, "queries that take longer on average are left alone"};
constexpr Setting<PerSecond> frequent{"frequent", 0.1, "executions a second below which a query is left alone"};
constexpr Setting<Count> min_load{"min_load", 0.1, "average sessions that compile, below which it does not matter"};
constexpr Setting<Seconds> short_limit{"short_limit", 2,
                                       "a time limit that compilation alone may use up: it takes up to a second"};
constexpr Setting<Ratio> critical_load{"critical_load", 0.5, "critical from this many compiling sessions per vCPU on"};
constexpr Setting<Ratio> critical_share{"critical_share", 0.5, "critical from this share of all load on"};
constexpr double window = 120;

std::string milliseconds(double seconds) {
  return seconds < 10 ? fmt::format("{:.0f} ms", 1000 * seconds) : words::duration(seconds);
}

struct Who {
  std::string query_id, database, user;
};

// What holds for a session of this role and database; "" when not known.
std::string setting(const Input& in, std::string_view name, const Who& q, std::string* layer = nullptr) {
  std::string value;
  int rank = -1;
  for (const Jit& j : in.now(jit)) {
    if (j.setting != name || (!j.role.empty() && j.role != q.user) || (!j.database.empty() && j.database != q.database))
      continue;
    const int r = j.layer == "server" ? 0 : j.layer == "database" ? 1 : j.layer == "role" ? 2 : 3;
    if (r <= rank) continue;
    rank = r, value = j.value;
    if (layer != nullptr) *layer = j.layer;
  }
  return value;
}

const Plan* newest_plan(const Input& in, const Who& q) {
  const Plan* found = nullptr;
  for (const auto& answer : in.series(plans, 15 * 60))
    for (const Plan& p : answer.rows)
      if (!p.json.empty() && p.query_id == q.query_id && p.database == q.database) found = &p;
  return found;
}

double cost_of(const Plan* p) {
  try {
    return p == nullptr ? 0 : parse_plan(p->json).root.total_cost;
  } catch (const std::invalid_argument&) {
    return 0;
  }
}

double round_up(double n) {
  const double power = std::pow(10, std::floor(std::log10(n)));
  for (const double digit : {1.0, 2.0, 5.0})
    if (digit * power >= n) return digit * power;
  return 10 * power;
}

// Open sessions feel a setting of the server at once; one of their role only when they connect anew.
Remedy cure(const Input& in, const Who& q, double cost, double relieved) {
  std::string layer, cost_layer;
  const std::string own = setting(in, "jit", q, &layer), above = setting(in, "jit_above_cost", q, &cost_layer);
  const bool of_server = (layer.empty() || layer == "server") && (cost_layer.empty() || cost_layer == "server");
  Remedy r{Remedy::Kind::cure, "compile only plans that take longer than compiling them", {}};
  const auto common = [&](Step& s) {
    s.relief = fmt::format("about {} of load", words::counted(std::round(relieved * 10) / 10, "session"));
    s.duration = "at once";
    s.lock = "none";
    s.load_relieved = relieved;
    s.minutes = 0.1;
  };
  if (of_server && !above.empty() && cost > 0 && cost >= std::atof(above.c_str())) {
    const double next = round_up(2 * cost);
    Step raise{
        .title = "compile only dearer plans than this query's",
        .database = q.database,
        .run_as = "superuser",
        .sql = fmt::format("ALTER SYSTEM SET jit_above_cost = {:.0f};\nSELECT pg_catalog.pg_reload_conf();", next)};
    common(raise);
    raise.undo = fmt::format("ALTER SYSTEM {}; SELECT pg_catalog.pg_reload_conf();",
                             above == "100000" ? "RESET jit_above_cost" : "SET jit_above_cost = " + above);
    raise.caution = "for the whole server, in open sessions as well; long reports above that cost are still compiled";
    r.steps.push_back(std::move(raise));
  }
  const std::string whom =
      fmt::format("ALTER ROLE {} IN DATABASE {}", sql::quote_identifier(q.user), sql::quote_identifier(q.database));
  Step off{.title = "switch JIT off for the role in this database",
           .database = q.database,
           .run_as = "superuser",
           .sql = whom + " SET jit = off;"};
  common(off);
  off.undo = whom + (layer == "role in database" && !own.empty() ? " SET jit = " + own + ";" : " RESET jit;");
  off.caution = "for new sessions: those that are open go on compiling until they connect anew";
  off.straight_path = r.steps.empty();
  r.steps.push_back(std::move(off));
  return r;
}

void add_text(const Input& in, const Who& q, const Plan* plan, Finding& f) {
  if (plan != nullptr) {
    f.evidence.push_back({"query", words::one_line(plan->query, 300)});
    return;
  }
  for (const auto& answer : in.series(statement_texts, in.history().keep_seconds))
    for (const StatementText& t : answer.rows)
      if (t.query_id == q.query_id && (f.evidence.empty() || f.evidence.back().what != "query"))
        f.evidence.push_back({"query", words::one_line(t.text, 300)});
}

// Measured by the server: 15 and later.
void measured(const Input& in, const Load& all, std::vector<Finding>& found) {
  for (const Statement& s : in.now(statements)) {
    const auto compiling = in.rate(statements, s, &Statement::jit_seconds, window);
    const auto total = in.rate(statements, s, &Statement::total_seconds, window);
    const auto calls = in.rate(statements, s, &Statement::calls, window);
    if (!compiling || !total || !calls || *calls < in[frequent] || *total <= 0) continue;
    if (*compiling < in[min_load] || *compiling < in[most] * *total || *total / *calls > in[short_query]) continue;
    const Who q{s.query_id, s.database, s.user};
    const Plan* plan = newest_plan(in, q);
    const double cost = cost_of(plan), share = std::min(1.0, *compiling / *total);
    const bool felt = heavy(in, {in[critical_load], in[critical_share], 5}, *compiling,
                            all.active > 0 ? *compiling / all.active : 0, *calls * 30);
    Finding f;
    f.severity = felt ? Severity::critical : Severity::warning;
    f.act_by = felt ? ActBy::now : ActBy::today;
    f.object = {"query", q.query_id, q.database};
    f.sentence =
        fmt::format("a short query spends {} of its time on JIT compilation: {} of {} in each execution ({} in {})",
                    words::share(share), milliseconds(*compiling / *calls), milliseconds(*total / *calls),
                    words::one_line(q.user, 63), words::one_line(q.database, 63));
    f.fix = "a higher jit_above_cost, or jit = off for the role";
    f.load = *compiling;
    f.queries = {q.query_id};
    f.confidence = Confidence::high;
    f.basis = "pg_stat_statements counts the time of compilation";
    add_text(in, q, plan, f);
    f.evidence.push_back({"executions", words::rate(*calls, "")});
    if (cost > 0) {
      const std::string above = setting(in, "jit_above_cost", q);
      f.evidence.push_back({"planner's cost", words::count(cost) + (above.empty() ? "" : ", jit_above_cost " + above)});
    }
    f.remedies.push_back(cure(in, q, cost, *compiling));
    found.push_back(std::move(f));
  }
}

// Cancelled executions are counted nowhere: a dear plan under a short limit, and none that ever finishes.
void by_limit(const Input& in, const Load& all, std::vector<Finding>& found) {
  const Catalogue catalogue(in);
  for (const QueryLoad& l : all.queries) {
    const Who q{l.query_id, l.database, l.user};
    const auto limit = limit_of(in.now(timeouts), "statement_timeout", q.user, q.database);
    if (l.query_id.empty() || l.sessions < in[min_load] || l.executions < 5 || !limit) continue;
    if (limit->seconds > in[short_limit] || l.oldest_seconds < 0.5 * limit->seconds) continue;
    const Plan* plan = newest_plan(in, q);
    const double cost = cost_of(plan), above = std::atof(setting(in, "jit_above_cost", q).c_str());
    if (setting(in, "jit", q) != "on" || setting(in, "provider", q) != "on" || above < 0 || cost < above) continue;
    bool finishes = false;
    for (const Statement& s : in.now(statements))
      if (s.query_id == q.query_id && s.database == q.database)
        finishes = finishes || in.rate(statements, s, &Statement::calls, window).value_or(0) > 0;
    if (finishes || in.seen(statements) == nullptr || scans_of(in, catalogue, *plan).harmful) continue;
    Finding f;
    f.severity = Severity::warning;
    f.act_by = ActBy::today;
    f.object = {"query", q.query_id, q.database};
    f.sentence =
        fmt::format("no execution of a query ends within its limit of {}, and JIT compilation comes first ({} in {})",
                    milliseconds(limit->seconds), words::one_line(q.user, 63), words::one_line(q.database, 63));
    f.fix = "a higher jit_above_cost, or jit = off for the role";
    f.load = l.sessions;
    f.queries = {q.query_id};
    f.sessions = l.pids;
    f.confidence = Confidence::low;
    f.basis = "the plan is dear enough to be compiled; the time that it takes is not counted for cancelled executions";
    add_text(in, q, plan, f);
    f.evidence.push_back(
        {"planner's cost", fmt::format("{}, jit_above_cost {}", words::count(cost), words::count(above))});
    f.remedies.push_back(cure(in, q, cost, l.sessions));
    found.push_back(std::move(f));
  }
}

const Server* one(const Input& in) { return in.now(server).empty() ? nullptr : &in.now(server)[0]; }

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  const auto all = in.now(statements);
  const Server* s = one(in);
  if (s != nullptr && !s->jit) return found;
  if (s != nullptr && s->version_num >= 150'000 && !all.empty() &&
      std::none_of(all.begin(), all.end(), [](const Statement& q) { return q.jit_seconds.has_value(); }))
    throw CannotJudge("pg_stat_statements is of an older release than the server, and does not count JIT compilation",
                      "ALTER EXTENSION pg_stat_statements UPDATE;");
  const Load seen = load(in, 30);
  measured(in, seen, found);
  if (found.empty()) by_limit(in, seen, found);
  std::stable_sort(found.begin(), found.end(), [](const Finding& a, const Finding& b) { return a.load > b.load; });
  return found;
}

std::string fine(const Input& in) {
  const Server* server_row = one(in);
  if (server_row != nullptr && !server_row->jit) return "jit is off";
  for (const Jit& j : in.now(jit))
    if (j.setting == "provider" && j.value == "off") return "no JIT compiler is installed";
  double compiling = 0, total = 0;
  bool counted = false;
  for (const Statement& s : in.now(statements)) {
    const auto c = in.rate(statements, s, &Statement::jit_seconds, window);
    counted = counted || c;
    compiling += c.value_or(0);
    total += in.rate(statements, s, &Statement::total_seconds, window).value_or(0);
  }
  if (counted)
    return fmt::format("JIT compilation takes {} of the time of queries",
                       words::share(total > 0 ? std::min(1.0, compiling / total) : 0));
  return in.seen(plans) != nullptr && in.now(jit).empty() ? "no hot query has a plan dear enough to be compiled" : "";
}

struct Case {
  double jit = 0.1, total = 0.15;  // seconds of one execution
  std::int64_t calls = 20;         // a second
  bool counted = true;             // 15 and later
  std::string provider = "on";
  double limit = 0;  // statement_timeout
  bool finishes = true;
  int others = 0;  // sessions busy with something else
};

Scenario past(const Case& c) {
  Scenario s;
  Server srv;
  srv.version_num = c.counted ? 150020 : 140023;
  srv.jit = srv.can_read_stats = true;
  s.saw(5, server, {srv});
  for (const int ago : {110, 50, 0}) {
    Statement q{.query_id = c.finishes ? "42" : "7", .database = "shop", .user = "app"};
    q.calls = c.calls * (200 - ago);
    q.total_seconds = c.total * static_cast<double>(q.calls);
    if (c.counted) q.jit_seconds = c.jit * static_cast<double>(q.calls);
    s.saw(ago, statements, {q});
  }
  Plan p;
  p.query_id = "42", p.database = "shop", p.query = "SELECT * FROM report WHERE day = $1", p.source = "generic";
  p.json = R"j([{"Plan":{"Node Type":"Function Scan","Function Name":"report","Total Cost":210000,"Plan Rows":10}}])j";
  s.saw(20, plans, {p});
  s.saw(20, jit,
        {{"provider", "server", "", "", c.provider},
         {"jit", "server", "", "", "on"},
         {"jit_above_cost", "server", "", "", "100000"}});
  s.saw(20, timeouts, {{.setting = "statement_timeout", .layer = "role", .role = "app", .seconds = c.limit}});
  for (int ago = 6; ago >= 0; --ago) {
    Session one;
    one.pid = 100, one.database = "shop", one.user = "app", one.application = "web";
    one.backend_type = "client backend", one.state = "active", one.query_id = "42";
    one.query = "SELECT * FROM report WHERE day = $1", one.query_age = 0.35, one.query_start = 1000.0 - ago;
    std::vector<Session> all{one};
    for (int k = 0; k < c.others; ++k) {
      one.pid = 200 + k, one.query_id = "9", one.query = "SELECT 1";
      all.push_back(one);
    }
    s.saw(ago, activity, all);
  }
  return s;
}

}  // namespace

extern const Check jit_overhead;
const Check jit_overhead{
    .id = "jit_overhead",
    .title = "Compiling a query takes longer than it saves",
    .why =
        "The planner thinks a short query dear and has it compiled at each execution: that costs more than the work, "
        "or uses up a short time limit.",
    .role = Role::cause,
    .explains = {"cpu_saturated", "load_above_cores", "connections_rising", "queries_timing_out",
                 "work_without_results", "query_regressed"},
    .reads = {activity, statements},
    .may_read = {server, jit, timeouts, plans, statement_texts, plan_tables, plan_indexes},
    .settings = {most, short_query, frequent, min_load, short_limit, critical_load, critical_share},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"two thirds of a short query", [] { return past({}); }, {Severity::critical}},
                 {"much of the cores, among other work",
                  [] {
                    Scenario s = past({.others = 9});
                    s.context.vcpus = 2;
                    return s;
                  },
                  {Severity::critical}},
                 {"now and then", [] { return past({.calls = 2}); }, {Severity::warning}},
                 {"before 15: a limit that no execution meets",
                  [] { return past({.counted = false, .limit = 0.4, .finishes = false}); },
                  {Severity::warning}},
                 {"a tenth of the time", [] { return past({.jit = 0.01}); }, {}},
                 {"a long report", [] { return past({.jit = 8, .total = 20, .calls = 1}); }, {}},
                 {"executions finish within the limit", [] { return past({.jit = 0, .limit = 0.4}); }, {}},
                 {"no compiler is installed",
                  [] { return past({.counted = false, .provider = "off", .limit = 0.4, .finishes = false}); },
                  {}}},
};

}  // namespace pgvigil
