#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "checks/check.h"
#include "checks/load.h"
#include "checks/plans/misjudged.h"
#include "checks/plans/plan_tree.h"
#include "checks/plans/remember.h"
#include "checks/plans/scan_examples.h"
#include "checks/plans/scans.h"
#include "checks/probes/plan_indexes.h"
#include "checks/probes/plan_tables.h"
#include "checks/probes/statements.h"
#include "checks/probes/table_sizes.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Bytes> min_size{"min_size", 10_MiB, "reading less than this in one execution is no fault"};
constexpr Setting<Count> min_load{"min_load", 0.2, "average active sessions below which a query is left alone"};
constexpr Setting<Ratio> critical_load{"critical_load", 0.5, "critical from this many sessions per vCPU on"};
constexpr Setting<Ratio> critical_share{"critical_share", 0.5,
                                        "critical from this share of all load on, where executions repeat"};
constexpr Setting<Count> repeated{"repeated", 5, "executions within half a minute from which they repeat"};
constexpr Setting<Count> many_tables{"many_tables", 5,
                                     "tables without statistics from which it is the database that lacks them"};
constexpr double window = 30;

void weigh_load(const Input& in, Finding& f, double share, double executions) {
  const bool felt = heavy(in, {in[critical_load], in[critical_share], in[repeated]}, f.load, share, executions);
  f.severity = felt ? Severity::critical : Severity::warning;
  f.act_by = felt ? ActBy::now : ActBy::today;
}

// An index would serve, and the planner leaves it: the scan itself shows it.
std::vector<Finding> unused_indexes(const Input& in, const Catalogue& catalogue, const Load& all) {
  std::vector<Finding> found;
  for (const ReadTable& t : read_tables(in, catalogue, all, in[min_size])) {
    Finding f;
    const TableReader* worst = nullptr;
    double share = 0, executions = 0;
    for (const TableReader& r : t.readers) {
      if (r.verdict != ScanVerdict::harmful || r.advice.obstacle != Obstacle::statistics) continue;
      if (worst == nullptr) worst = &r;
      f.load += r.query.sessions;
      share += r.query.share;
      executions += static_cast<double>(r.query.executions);
      f.queries.push_back(r.query.query_id);
      f.sessions.insert(f.sessions.end(), r.query.pids.begin(), r.query.pids.end());
    }
    if (worst == nullptr || f.load < in[min_load]) continue;
    weigh_load(in, f, share, executions);
    f.object = {"table", t.known->table.name, t.known->table.database};
    f.tables = {t.known->table.name};
    f.sentence =
        fmt::format("most rows of {} came or changed after its last ANALYZE, and the planner misjudges a hot query: {}",
                    described(t.known->table), worst->advice.why_not);
    f.fix = fmt::format("ANALYZE {}", t.known->table.name);
    f.confidence = worst->confidence;
    f.basis = worst->basis;
    f.evidence.push_back({"query", words::one_line(worst->query.query, 300)});
    f.evidence.push_back({"rows", fmt::format("{} live by the server's count",
                                              words::count(static_cast<double>(t.known->table.live_rows)))});
    for (Evidence& e : about(*t.known)) f.evidence.push_back(std::move(e));
    f.remedies = cure_of(in, *t.known, *worst, f.load, f.sessions);
    found.push_back(std::move(f));
  }
  return found;
}

std::vector<Remedy> analyse(const Input& in, const std::vector<Staleness>& tables, const Finding& f) {
  IndexAdvice advice;
  advice.obstacle = Obstacle::statistics;
  std::vector<Remedy> all;
  for (const Staleness& t : tables) {
    if (all.empty()) {
      all = cure_of(in, *t.table, advice, f.load, f.sessions);
      continue;
    }
    for (Remedy& r : cure_of(in, *t.table, advice, 0, {}))
      for (Step& s : r.steps)
        if (all.back().steps.size() < 8) all.back().steps.push_back(std::move(s));
  }
  return all;
}

std::string how_it_is_read(const Input& in, const QueryLoad& q) {
  std::string out;
  for (const auto& answer : in.series(plans, 15 * 60))
    for (const Plan& p : answer.rows) {
      if (p.json.empty() || p.query_id != q.query_id || p.database != q.database) continue;
      const PlanTree plan = parse_plan(p.json);
      out = plan.root.title();
      for (const PlanRead& r : reads_of(plan, 6)) out += fmt::format("; {} on {}", r.title(), r.relation);
    }
  return out;
}

// It takes far longer than its plan should, and what the plan reads has changed since the planner looked.
std::vector<Finding> misjudged_queries(const Input& in, const Catalogue& catalogue, const Load& all) {
  std::map<std::string, std::vector<Misjudged>> by_table;
  for (Misjudged& m : misjudged(in, catalogue, all, {in[min_load], in[changed], in[off_by]})) {
    const Table& t = m.tables.front().table->table;
    by_table[t.database + "\n" + t.name].push_back(std::move(m));
  }
  std::vector<Finding> found;
  for (const auto& [key, queries] : by_table) {
    const Misjudged& worst = queries.front();
    const Staleness& lead = worst.tables.front();
    Finding f;
    double share = 0, executions = 0;
    for (const Misjudged& m : queries) {
      f.load += m.query.sessions;
      share += m.query.share;
      executions += static_cast<double>(m.query.executions);
      f.queries.push_back(m.query.query_id);
      f.sessions.insert(f.sessions.end(), m.query.pids.begin(), m.query.pids.end());
    }
    weigh_load(in, f, share, executions);
    f.object = {"table", lead.table->table.name, lead.table->table.database};
    f.tables = {lead.table->table.name};
    const double times = worst.rows > 0 ? worst.rows / std::max(1.0, worst.rows_expected)
                                        : worst.seconds / std::max(1e-4, worst.expected);
    f.sentence = fmt::format("the planner misjudges a hot query: {} {}", described(lead.table->table),
                             lead.never ? lead.in_words() : "has changed: " + lead.in_words());
    f.fix = fmt::format("ANALYZE {}", lead.table->table.name);
    f.confidence = times >= 10 * in[off_by] || worst.rows > 0 ? Confidence::high : Confidence::medium;
    f.basis = worst.rows > 0 ? "rows returned, against the rows that the plan expects"
                             : "how long executions take, against the cost of their plan";
    f.evidence.push_back({"query", words::one_line(worst.text, 300)});
    f.evidence.push_back({"plan", how_it_is_read(in, worst.query)});
    if (worst.rows > 0)
      f.evidence.push_back({"rows", fmt::format("{} by one execution, {} expected", words::count(worst.rows),
                                                words::count(worst.rows_expected))});
    else
      f.evidence.push_back({"time", fmt::format("{} and more for one execution; its plan should take {} at most",
                                                words::duration(worst.seconds), words::duration(worst.expected))});
    for (std::size_t k = 1; k < worst.tables.size() && k < 4; ++k)
      f.evidence.push_back({"also", worst.tables[k].table->table.name + " " + worst.tables[k].in_words()});
    for (Evidence& e : about(*lead.table)) f.evidence.push_back(std::move(e));
    f.remedies = analyse(in, worst.tables, f);
    found.push_back(std::move(f));
  }
  return found;
}

// Nearly every table was never analysed: statistics do not come along with pg_upgrade before 18, nor with a restore.
struct Bare {
  std::vector<const KnownTable*> without = {};
  std::size_t tables = 0;
};
std::map<std::string, Bare> bare_databases(const Input& in, const Catalogue& catalogue) {
  constexpr double nearly_all = 0.9;
  std::map<std::string, Bare> all;
  for (const auto& [key, t] : catalogue.all()) {
    if (t.table.kind == "p" || (t.table.live_rows < 1000 && t.table.size() < 1_MiB)) continue;
    Bare& b = all[t.table.database];
    ++b.tables;
    const bool known = t.table.last_analyze || std::any_of(t.columns.begin(), t.columns.end(),
                                                           [](const auto& c) { return c.distinct.has_value(); });
    if (!known && (!t.table.rows || t.outgrown)) b.without.push_back(&t);
  }
  std::erase_if(all, [&](const auto& b) {
    return static_cast<double>(b.second.without.size()) <
           std::max(in[many_tables], nearly_all * static_cast<double>(b.second.tables));
  });
  return all;
}

// One finding for the database takes the place of those of its tables.
void gather(const std::string& database, const Bare& bare, std::vector<Finding>& found) {
  Finding f;
  f.severity = Severity::warning;
  f.act_by = ActBy::this_week;
  f.object = {"database", sql::quote_identifier(database), database};
  f.sentence = fmt::format("the planner has no statistics in {}: {} of {} tables looked at were never analysed",
                           words::one_line(database, 63), bare.without.size(), bare.tables);
  f.fix = "ANALYZE of the whole database";
  f.confidence = Confidence::high;
  f.basis = "the server's counters and catalogue";
  Remedy cure{Remedy::Kind::cure, "statistics of the whole database", {}};
  for (const Finding& t : found) {
    if (t.object.database != database) continue;
    const bool is_one = std::any_of(bare.without.begin(), bare.without.end(),
                                    [&](const KnownTable* k) { return k->table.name == t.object.name; });
    if (!is_one) continue;
    f.load += t.load;
    f.severity = std::max(f.severity, t.severity);
    f.act_by = std::min(f.act_by, t.act_by);
    f.queries.insert(f.queries.end(), t.queries.begin(), t.queries.end());
    f.tables.insert(f.tables.end(), t.tables.begin(), t.tables.end());
    f.sessions.insert(f.sessions.end(), t.sessions.begin(), t.sessions.end());
    f.evidence.push_back({"misjudged", t.sentence});
    for (const Remedy& r : t.remedies)
      if (r.kind == Remedy::Kind::cure) cure.steps.insert(cure.steps.end(), r.steps.begin(), r.steps.end());
  }
  std::erase_if(found, [&](const Finding& t) {
    return t.object.database == database &&
           std::find(f.tables.begin(), f.tables.end(), t.object.name) != f.tables.end();
  });
  std::vector<std::string> names;
  for (const KnownTable* t : bare.without) names.push_back(described(t->table));
  f.evidence.push_back({"tables", words::list(names, 4)});
  Step all{.title = "collect statistics of all tables in " + words::one_line(database, 63),
           .database = database,
           .run_as = "superuser",
           .sql = "ANALYZE;"};
  all.relief = "plans as they were before the upgrade or restore";
  all.duration = "minutes: it reads a sample of each table";
  all.lock = "SHARE UPDATE EXCLUSIVE, one table after the other: reads and writes go on";
  all.caution = "vacuumdb --analyze-in-stages gives rough statistics sooner";
  all.load_relieved = f.load;
  cure.steps.push_back(std::move(all));
  f.remedies.push_back(std::move(cure));
  found.push_back(std::move(f));
}

std::vector<Finding> evaluate(const Input& in) {
  const Catalogue catalogue(in);
  const Load all = load(in, window);
  std::vector<Finding> found = unused_indexes(in, catalogue, all);
  for (Finding& f : misjudged_queries(in, catalogue, all))
    if (std::none_of(found.begin(), found.end(), [&](const Finding& known) { return known.object == f.object; }))
      found.push_back(std::move(f));
  for (const auto& [database, bare] : bare_databases(in, catalogue)) gather(database, bare, found);
  std::stable_sort(found.begin(), found.end(), [](const Finding& a, const Finding& b) { return a.load > b.load; });
  return found;
}

std::string fine(const Input& in) {
  const Catalogue catalogue(in);
  std::size_t looked_at = 0, stale = 0;
  for (const auto& [key, t] : catalogue.all()) {
    if (t.table.live_rows < 10'000) continue;
    ++looked_at;
    stale += staleness(catalogue, t, in[changed]) ? 1 : 0;
  }
  if (stale == 0)
    return fmt::format("{} looked at, none has outgrown its statistics",
                       words::counted(static_cast<double>(looked_at), "large table"));
  return fmt::format(
      "{} of {} large tables have outgrown their statistics, and no hot query takes longer than its plan "
      "should",
      stale, looked_at);
}

using scan_examples::Past;

Scenario grown(Past p, bool outgrown) {
  p.plan = scan_examples::scan_plan("docs", "(docs.dump_id = ?)", 500'000);
  p.query = "SELECT data FROM docs WHERE dump_id = $1";
  p.index = {"dump_id"};
  p.size_known = !outgrown;
  Scenario s = scan_examples::past(p);
  if (outgrown) {
    TableSize size;
    size.database = "codeintel";
    size.name = "public.docs";
    size.heap_bytes = 424LL << 20;
    for (const auto& answer : s.history.series(tables))
      if (answer.rows)
        for (const Table& t : static_cast<const RowsOf<Table>&>(*answer.rows).rows)
          size.database = t.database, size.name = t.name;
    s.saw(0, table_sizes, {size});
  }
  return s;
}

// Most of a table came after its last ANALYZE; a nested loop over it that should take a moment takes seconds.
struct Loop {
  double age = 8, cost = 300;
  std::int64_t changed = 400'000;
  bool analysed = true;
  bool twice = false;  // what came before the ANALYZE was reported after it
  int bare = 0;        // further tables without statistics
  int sessions = 4;
  const char* node = "Nested Loop";
};
Scenario nested_loop(const Loop& l) {
  Past p;
  p.name = "orders", p.query = "SELECT count(*) FROM orders JOIN items USING (ref) WHERE batch = $1";
  p.rows = 400'000, p.heap_bytes = 30LL << 20, p.toast_bytes = 0, p.age = l.age, p.sessions = l.sessions;
  p.plan =
      fmt::format(R"j([{{"Plan":{{"Node Type":"Aggregate","Strategy":"Plain","Total Cost":{},"Plan Rows":1,"Plans":[
    {{"Node Type":"{}","Total Cost":{},"Plan Rows":1,"Plans":[
    {{"Node Type":"Index Scan","Parent Relationship":"Outer","Index Name":"orders_batch","Schema":"public",
      "Relation Name":"orders","Alias":"orders","Plan Rows":1,"Total Cost":8,"Index Cond":"(orders.batch = ?)"}},
    {{"Node Type":"Seq Scan","Parent Relationship":"Inner","Schema":"public","Relation Name":"items","Alias":"items",
      "Plan Rows":10000,"Total Cost":290}}]}}]}}}}])j",
                  l.cost, l.node, l.cost);
  Scenario s = scan_examples::past(p);
  std::vector<Table> all;
  for (int k = 0; k <= l.bare; ++k) {
    Table t;
    t.database = "codeintel", t.schema = "public", t.relation = k == 0 ? "orders" : fmt::format("t{}", k);
    t.name = "public." + t.relation, t.owner = "app_owner", t.kind = "r", t.heap_bytes = 30LL << 20;
    t.live_rows = 401'000, t.changed_rows = l.changed, t.usable_indexes = 1;
    if (l.analysed) t.rows = 401'000, t.last_analyze = 1e9;
    if (l.twice) t.live_rows = 802'000, t.changed_rows = t.rows_inserted = 401'000;
    all.push_back(t);
  }
  if (!l.analysed) {  // pg_stats shows the columns of other tables only
    std::vector<RelationColumn> columns =
        static_cast<const RowsOf<RelationColumn>&>(*s.history.series(relation_columns).back().rows).rows;
    for (RelationColumn& c : columns) c.distinct.reset();
    s.saw(0, relation_columns, columns);
  }
  return s.saw(0, tables, all);
}

}  // namespace

extern const Check stale_statistics;
const Check stale_statistics{
    .id = "stale_statistics",
    .title = "The planner works with statistics that most rows have outgrown",
    .why =
        "After a load or a great change the planner still believes in the old table, and leaves good indexes unused.",
    .role = Role::cause,
    .family = "scans",
    .explains = {"cpu_saturated", "load_above_cores", "connections_rising", "queries_timing_out",
                 "work_without_results", "query_regressed", "pool_pinned"},
    .reads = {activity, tables},
    .may_read = {plans, plan_tables, indexes, plan_indexes, relation_columns, table_sizes, server, statements},
    .settings = {min_size, min_load, critical_load, critical_share, repeated, changed, off_by, many_tables},
    .evaluate = evaluate,
    .fine = fine,
    .examples =
        {{"a bulk load after the last ANALYZE", [] { return grown({}, true); }, {Severity::critical}},
         {"one of many queries", [] { return grown({.sessions = 3, .others = 6}, true); }, {Severity::critical}},
         {"most of a small load, again and again",
          [] { return grown({.sessions = 1, .again = true}, true); },
          {Severity::critical}},
         {"somebody's one query", [] { return grown({.sessions = 1}, true); }, {Severity::warning}},
         {"the statistics are of today", [] { return grown({}, false); }, {}},
         {"a join that the planner took for cheap, before most rows came",
          [] { return nested_loop({}); },
          {Severity::critical}},
         {"a table that was never analysed",
          [] { return nested_loop({.changed = 0, .analysed = false}); },
          {Severity::critical}},
         {"a whole database without statistics",
          [] { return nested_loop({.changed = 0, .analysed = false, .bare = 5}); },
          {Severity::critical}},
         {"... of which nobody takes harm yet",
          [] { return nested_loop({.age = 0.01, .analysed = false, .bare = 5}); },
          {Severity::warning}},
         {"an index left unused, though each execution is short",
          [] { return grown({.age = 0.02, .again = true}, true); },
          {Severity::critical}},
         {"most rows are new, and it takes what its plan should", [] { return nested_loop({.cost = 300'000}); }, {}},
         {"it takes long, and the statistics are of today", [] { return nested_loop({.changed = 20'000}); }, {}},
         {"loaded and analysed within a second: the server counts the rows twice",
          [] { return nested_loop({.twice = true}); },
          {}},
         {"a query that recurses: no statistics tell how often",
          [] { return nested_loop({.node = "Recursive Union"}); },
          {}},
         {"nobody asks", [] { return grown({.sessions = 0, .others = 2}, true); }, {}}},
};

}  // namespace pgvigil
