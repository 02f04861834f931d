#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "checks/check.h"
#include "checks/hot_queries.h"
#include "checks/plans/budget.h"
#include "checks/plans/catalogue.h"
#include "checks/plans/remember.h"
#include "checks/plans/weigh.h"
#include "checks/probes/extensions.h"
#include "checks/probes/plan_indexes.h"
#include "checks/probes/plan_tables.h"
#include "checks/probes/plans.h"
#include "checks/probes/statements.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Ratio> cost_factor{"cost_factor", 5,
                                     "a plan that the planner itself calls so many times dearer is worse"};
constexpr Setting<Count> min_cost{"min_cost", 10'000, "plans that cost less are left alone, whatever they cost before"};
constexpr Setting<Bytes> min_size{"min_size", 10_MiB, "a table of this size that is now read whole makes a plan worse"};
constexpr Setting<Count> min_load{"min_load", 0.2, "average active sessions below which a query is left alone"};

constexpr double news = 15 * 60;  // seconds for which a change that did no harm is told

using Reads = std::vector<PlanRead>;

bool whole(const PlanRead& r) { return r.way.ends_with("Seq Scan"); }
bool same_relation(const PlanRead& a, const PlanRead& b) { return a.schema == b.schema && a.relation == b.relation; }

// How a plan reads each relation: "Index Scan using docs_pkey".
std::map<std::string, std::string> ways(const Reads& reads) {
  std::map<std::string, std::string> all;
  for (const PlanRead& r : reads) all.emplace(r.schema + "." + r.relation, r.title());
  return all;
}

std::string differences(const KnownPlan& p, const Reads& before, const Reads& now) {
  const auto then = ways(before);
  std::string out;
  for (const auto& [relation, way] : ways(now))
    if (const auto old = then.find(relation); old != then.end() && old->second != way)
      out += fmt::format("{}{}: {} -> {}", out.empty() ? "" : "; ", relation, old->second, way);
  return !out.empty()              ? out
         : p.before_root != p.root ? fmt::format("{} -> {}", p.before_root, p.root)
                                   : "the same relations joined or sorted in another way";
}

// A large relation that the old plan reached through an index and the new one reads whole.
std::string now_scanned(const Input& in, const Catalogue& catalogue, const std::string& database, const Reads& before,
                        const Reads& now) {
  std::string found;
  for (const PlanRead& r : now) {
    if (!whole(r)) continue;
    const auto same = [&](const PlanRead& old) { return same_relation(old, r); };
    if (std::none_of(before.begin(), before.end(), same) ||
        std::any_of(before.begin(), before.end(), [&](const PlanRead& old) { return same(old) && whole(old); }))
      continue;
    const KnownTable* t = catalogue.find(database, r.schema, r.relation);
    if (t != nullptr && t->table.size() >= in[min_size]) found = t->table.name;
  }
  return found;
}

// Indexes through which the old plan read this table, and that are no more.
std::vector<std::string> gone(const Input& in, const KnownTable& known, const Reads& before) {
  std::vector<std::string> names;
  if (in.seen(plan_indexes) == nullptr) return names;  // not seen is not gone
  for (const PlanRead& r : before) {
    if (r.index.empty() || r.relation != known.table.relation || r.schema != known.table.schema) continue;
    const bool there = std::any_of(known.indexes.begin(), known.indexes.end(), [&](const Index& i) {
      return i.name.ends_with("." + sql::quote_identifier(r.index)) && i.is_valid;
    });
    if (!there) names.push_back(r.index);
  }
  return names;
}

Time changed(const KnownPlan& p) { return after(Time{}, *p.changed_at); }

// What is told beside the incident that began with it, and for a while also where none did.
Finding event(const Input& in, const KnownPlan& p, const Reads& before, const Reads& now) {
  Finding f;
  f.role = Role::event;
  f.severity = Severity::info;
  f.act_by = ActBy::later;
  f.object = {"query", p.query_id, p.database};
  f.sentence = fmt::format("the plan of query {} changed at {}: {}", p.query_id, utc_clock(changed(p), in.at()),
                           differences(p, before, now));
  f.queries = {p.query_id};
  f.since = changed(p);
  f.or_earlier = true;
  for (const PlanRead& r : now)
    if (std::find(before.begin(), before.end(), r) == before.end())
      f.tables.push_back(sql::quote_identifier(r.schema) + "." + sql::quote_identifier(r.relation));
  f.evidence.push_back({"query", p.query});
  f.evidence.push_back(
      {"planner's cost", fmt::format("{} before, {} after", words::count(p.before_cost), words::count(p.cost))});
  f.confidence = p.source == "literals" ? Confidence::medium : Confidence::high;
  f.basis = p.source == "literals" ? "two plans with values, which may differ" : "two generic plans of the same query";
  return f;
}

// The load that a query carries now, whichever ids show it.
void set_load(Finding& f, const HotEntry* e) {
  if (e == nullptr) return;
  f.load = e->load.sessions;
  f.sessions = e->load.pids;
  for (const std::string& id : e->ids)
    if (std::find(f.queries.begin(), f.queries.end(), id) == f.queries.end()) f.queries.push_back(id);
}

// What the operator declared of a query of his is what its plan is compared with: that needs no past, and it need not
// run. Harm is to come, not here, unless it runs: so it is said today, and never pages.
std::vector<Finding> over_budget(const Input& in, const Catalogue& catalogue, const std::vector<HotEntry>& hot) {
  std::vector<Finding> found;
  std::map<std::string, const Plan*> newest;
  const auto answers = in.series(plans, in.history().keep_seconds);
  for (const auto& answer : answers)
    for (const Plan& p : answer.rows) newest[plan_key(p)] = &p;
  for (const HotEntry& e : hot) {
    if (e.named == nullptr || (!e.named->max_cost && !e.named->max_rows_read)) continue;
    const auto known = newest.find(e.load.database + "\n" + e.query_id);
    if (known == newest.end() || known->second->json.empty()) continue;
    const PlanTree plan = parse_plan(known->second->json);
    const auto table = [&](const PlanNode& n) { return catalogue.find(e.load.database, n.schema, n.relation); };
    const double rows = rows_read(
        plan, {.table = [&](const PlanNode& n) { return table(n) == nullptr ? std::nullopt : table(n)->table.rows; },
               .found =
                   [&](const PlanNode& n) {
                     const bool generic = known->second->source == "generic";
                     return table(n) == nullptr ? std::nullopt : rows_found(*table(n), n, generic, false);
                   }});
    std::vector<std::string> over;
    if (e.named->max_rows_read && rows > *e.named->max_rows_read)
      over.push_back(fmt::format("reads {} where {} may be read", words::counted(std::round(rows), "row"),
                                 words::count(*e.named->max_rows_read)));
    if (e.named->max_cost && plan.root.total_cost > *e.named->max_cost)
      over.push_back(fmt::format("costs {} where {} is allowed", words::count(plan.root.total_cost),
                                 words::count(*e.named->max_cost)));
    if (over.empty()) continue;
    std::vector<std::string> scans;
    Finding f;
    for (const auto& [relation, way] : ways(reads_of(plan))) {
      scans.push_back(fmt::format("{} on {}", way, relation));
      f.tables.push_back(relation);
    }
    f.severity = Severity::warning;
    f.act_by = ActBy::today;
    f.object = {"query", e.query_id, e.load.database};
    f.sentence = fmt::format("the plan of the hot query \"{}\" {}: {}", words::one_line(e.named->name, 63),
                             fmt::join(over, " and "), words::list(scans, 3));
    f.queries = {e.query_id};
    set_load(f, &e);
    const bool generic = known->second->source == "generic";
    f.confidence = generic ? Confidence::medium : Confidence::high;
    f.basis = generic ? "the planner's estimates without values: give the query `parameters` for a surer plan"
                      : "the planner's estimates with the values of the configuration";
    f.evidence.push_back({"query", words::one_line(e.text, 300)});
    f.evidence.push_back({"planner's cost", words::count(plan.root.total_cost)});
    f.evidence.push_back({"rows read in one execution", words::count(std::round(rows))});
    if (f.load > 0) f.evidence.push_back({"load", words::counted(std::round(f.load * 10) / 10, "session")});
    found.push_back(std::move(f));
  }
  return found;
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> events;
  const Catalogue catalogue(in);
  const std::vector<HotEntry> hot = hot_queries(in, load(in, 60));
  std::vector<Finding> found = over_budget(in, catalogue, hot);
  // A one-shot look has not seen the past; where somebody remembers it, it can say as much.
  if (in.context().one_shot && in.history().latest(known_plans) == nullptr) return found;
  auto known = remembered_plans(in, in[retention]);
  std::stable_sort(known.begin(), known.end(),  // plans without values compare best
                   [](const KnownPlan& a, const KnownPlan& b) { return a.source < b.source; });
  std::set<std::string> told;
  for (const KnownPlan& p : known) {
    if (!p.changed_at || told.contains(p.database + "\n" + p.query_id)) continue;
    const Reads before = plan_reads(p.before_reads), now = plan_reads(p.reads);
    const std::string scanned = now_scanned(in, catalogue, p.database, before, now);
    const bool dearer = p.cost >= in[min_cost] && p.cost >= in[cost_factor] * std::max(1.0, p.before_cost);
    const HotEntry* runs = find_hot(hot, p.database, p.query_id);
    const double sessions = runs == nullptr ? 0 : runs->load.sessions;
    const bool worse = (!scanned.empty() || dearer) && (sessions >= in[min_load] || !p.name.empty());
    if (worse || (p.source != "literals" && seconds_between(changed(p), in.at()) <= news))
      events.push_back(event(in, p, before, now));
    if (!worse) continue;
    told.insert(p.database + "\n" + p.query_id);
    Finding f = events.back();
    f.role = Role::cause;
    set_load(f, runs);
    f.tables.clear();
    f.severity = Severity::warning;
    f.act_by = sessions >= in[min_load] ? ActBy::today : ActBy::this_week;
    f.sentence = fmt::format("the plan of a hot query became worse: {}", differences(p, before, now));
    f.evidence.push_back({"since", utc_clock(changed(p), in.at())});
    if (!scanned.empty()) {
      f.tables = {scanned};
      const KnownTable* t = catalogue.named(p.database, scanned);
      if (const auto names = t == nullptr ? std::vector<std::string>() : gone(in, *t, before); !names.empty())
        f.evidence.push_back({"index that is gone", words::list(names, 4)});
      if (t != nullptr && t->table.last_analyze)
        f.evidence.push_back(
            {"last ANALYZE",
             fmt::format("{} ago", words::duration(seconds_between(
                                       Time{} + std::chrono::seconds(static_cast<std::int64_t>(*t->table.last_analyze)),
                                       in.at())))});
    }
    found.push_back(std::move(f));
  }
  std::move(events.begin(), events.end(), std::back_inserter(found));
  return found;
}

std::string within_limits(const Input& in) {
  double within = 0;
  std::set<std::string> explained;
  for (const auto& answer : in.series(plans, in.history().keep_seconds))
    for (const Plan& p : answer.rows)
      if (!p.json.empty()) explained.insert(p.name);
  for (const HotQuery& q : in.context().hot_queries)
    within += (q.max_cost || q.max_rows_read) && explained.contains(q.name) ? 1 : 0;
  return within == 0 ? "" : fmt::format("{} of the configuration within the limits", words::counted(within, "plan"));
}

std::string fine(const Input& in) {
  const auto known = remembered_plans(in, in[retention]);
  std::string limits = within_limits(in);
  if (known.empty() || in.context().one_shot) return limits;
  std::set<std::string> queries;
  for (const KnownPlan& p : known) queries.insert(p.database + "\n" + p.query_id);
  return fmt::format("{} {} looked at, none has a worse plan than before", queries.size(),
                     queries.size() == 1 ? "hot query" : "hot queries") +
         (limits.empty() ? "" : "; " + limits);
}

enum class Way : std::uint8_t { index, scan, cheap_scan, other_index };

std::string plan_of(Way way) {
  std::string plan =
      way == Way::index || way == Way::other_index
          ? R"json([{"Plan":{"Node Type":"Index Scan","Parallel Aware":false,"Index Name":"docs_path_idx","Schema":"public",
    "Relation Name":"docs","Alias":"docs","Total Cost":8.4,"Plan Rows":1,"Index Cond":"(docs.path = $1)"}}])json"
          : R"json([{"Plan":{"Node Type":"Seq Scan","Parallel Aware":false,"Schema":"public","Relation Name":"docs",
    "Alias":"docs","Total Cost":61000,"Plan Rows":1,"Filter":"(docs.path = $1)"}}])json";
  const auto set = [&](std::string_view from, std::string_view to) { plan.replace(plan.find(from), from.size(), to); };
  if (way == Way::cheap_scan) set("61000", "900");
  if (way == Way::other_index) set("docs_path_idx", "docs_size_idx"), set("8.4", "25000");
  return plan;
}

Scenario past(Way then, Way now, int sessions = 4, bool one_shot = false, std::int64_t bytes = 400LL << 20) {
  Scenario s;
  s.context.one_shot = one_shot;
  const auto plan = [&](Way way) {
    Plan p;
    p.query_id = "42";
    p.database = "shop";
    p.query = "SELECT data FROM docs WHERE path = $1";
    p.source = "generic";
    p.json = plan_of(way);
    return p;
  };
  s.saw(300, plans, {plan(then)}).saw(20, plans, {plan(now)});
  Table t;
  t.database = "shop", t.schema = "public", t.relation = "docs", t.name = "public.docs", t.owner = "owner",
  t.kind = "r";
  t.heap_bytes = bytes;
  t.rows = static_cast<double>(bytes) / 200;
  s.saw(10, plan_tables, {t}).saw(10, plan_indexes, {});
  for (int ago = 6; ago >= 0; ago -= 2) {
    std::vector<Session> all;
    for (int i = 0; i < sessions; ++i) {
      Session one;
      one.pid = 100 + i;
      one.database = "shop", one.user = "app", one.application = "web", one.backend_type = "client backend";
      one.state = "active";
      one.query_id = "42";
      one.query = "SELECT data FROM docs WHERE path = $1";
      one.query_age = 2;
      all.push_back(one);
    }
    s.saw(ago, activity, all);
  }
  return s;
}

// The bad plan is all that the window holds.
Scenario remembered(double changed_ago) {
  Scenario s = past(Way::scan, Way::scan);
  KnownPlan p{
      .database = "shop", .query_id = "42", .source = "generic", .query = "SELECT data FROM docs WHERE path = $1"};
  const double now = seconds_between(Time{}, s.at);
  p.last_hot = now - 400;
  p.shape = shape_hash(plan_of(Way::scan)), p.root = "Seq Scan", p.cost = 61'000;
  p.reads = {to_text({"public", "docs", "Seq Scan", ""})};
  p.changed_at = now - changed_ago;
  p.before_shape = shape_hash(plan_of(Way::index)), p.before_root = "Index Scan", p.before_cost = 8.4;
  p.before_reads = {to_text({"public", "docs", "Index Scan", "docs_path_idx"})};
  return s.saw(390, known_plans, {p});
}

// The newest plan reads the table in parallel.
Scenario twice(Scenario s) {
  const auto& last = s.history.series(plans).back();
  Plan p = static_cast<const RowsOf<Plan>&>(*last.rows).rows[0];
  const std::string_view serial = "\"Parallel Aware\":false";
  p.json.replace(p.json.find(serial), serial.size(), "\"Parallel Aware\":true");
  return s.saw(5, plans, {p});
}

// Named in the configuration with a limit; nobody runs it now.
Scenario limited(Way way, std::optional<double> rows, std::optional<double> cost, bool one_shot = true) {
  Scenario s = past(way, way, 0, one_shot);
  s.context.hot_queries = {{.name = "docs by path",
                            .database = "shop",
                            .sql = "SELECT data FROM docs WHERE path = $1",
                            .parameters = {"a/b"},
                            .max_cost = cost,
                            .max_rows_read = rows}};
  Plan p;
  p.query_id = "config:docs by path", p.name = "docs by path", p.database = "shop";
  p.query = "SELECT data FROM docs WHERE path = $1";
  p.source = "literals";
  p.json = plan_of(way);
  return s.saw(8, plans, {p});
}

}  // namespace

extern const Check plan_changed;
const Check plan_changed{
    .id = "plan_changed",
    .title = "The plan of a hot query became worse than it was, or than it may be",
    .why =
        "The same query suddenly reads far more than before, or than the configuration allows: an index went away, a "
        "table grew, or statistics changed.",
    .role = Role::cause,
    .family = "scans",
    .explains = {"cpu_saturated", "load_above_cores", "connections_rising", "queries_timing_out",
                 "work_without_results", "query_regressed", "pool_pinned"},
    .reads = {activity},
    .may_read = {plans, known_plans, plan_tables, plan_indexes, statements},
    .settings = {cost_factor, min_cost, min_size, min_load, retention},
    .evaluate = evaluate,
    .fine = fine,
    .examples =
        {{"more rows than the configuration allows, seen once and not running",
          [] { return limited(Way::scan, 1'000, std::nullopt); },
          {Severity::warning}},
         {"dearer than it allows", [] { return limited(Way::scan, std::nullopt, 5'000, false); }, {Severity::warning}},
         {"within what it allows", [] { return limited(Way::index, 1'000, 5'000); }, {}},
         {"an index went away", [] { return past(Way::index, Way::scan); }, {Severity::warning, Severity::info}},
         {"a large table is read whole, whatever the planner thinks of it",
          [] { return past(Way::index, Way::cheap_scan); },
          {Severity::warning, Severity::info}},
         {"another index, and a far dearer plan",
          [] { return past(Way::index, Way::other_index); },
          {Severity::warning, Severity::info}},
         {"a bad plan that changed once more, and stayed bad",
          [] {
            Scenario s = past(Way::index, Way::cheap_scan);
            return twice(std::move(s));
          },
          {Severity::warning, Severity::info}},
         {"a change of some hours ago, which only the memory knows",
          [] { return remembered(6 * 3600); },
          {Severity::warning, Severity::info}},
         {"a change of long ago is the usual by now", [] { return remembered(30 * 3600); }, {}},
         {"a one-shot look that was given the memory",
          [] {
            Scenario s = remembered(6 * 3600);
            s.context.one_shot = true;
            return s;
          },
          {Severity::warning, Severity::info}},
         {"a plan that became better", [] { return past(Way::scan, Way::index); }, {Severity::info}},
         {"the same plan again", [] { return past(Way::index, Way::index); }, {}},
         {"a small table", [] { return past(Way::index, Way::cheap_scan, 4, false, 1 << 20); }, {Severity::info}},
         {"a one-shot look knows no past", [] { return past(Way::index, Way::scan, 4, true); }, {}}},
};

}  // namespace pgvigil
