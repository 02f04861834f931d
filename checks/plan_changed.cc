#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "checks/check.h"
#include "checks/load.h"
#include "checks/plans/catalogue.h"
#include "checks/plans/judge.h"
#include "checks/probes/extensions.h"
#include "checks/probes/plan_indexes.h"
#include "checks/probes/plan_tables.h"
#include "checks/probes/plans.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Ratio> cost_factor{"cost_factor", 5,
                                     "a plan that the planner itself calls so many times dearer is worse"};
constexpr Setting<Count> min_cost{"min_cost", 10'000, "plans that cost less are left alone, whatever they cost before"};
constexpr Setting<Bytes> min_size{"min_size", 10_MiB, "a table of this size that is now read whole makes a plan worse"};
constexpr Setting<Count> min_load{"min_load", 0.2, "average active sessions below which a query is left alone"};

// A query's newest plan and the best one of another shape before it, both made in the same way. The best, since a bad
// plan may change once more and stay bad.
struct Change {
  const Plan* before = nullptr;
  const Plan* after = nullptr;
  Time seen{};  // when the better one was first missed
};

std::vector<Change> changes(const Input& in) {
  std::map<std::string, std::vector<std::pair<const Plan*, Time>>> all;
  const auto series = in.series(plans, in.history().keep_seconds);
  for (const auto& answer : series)
    for (const Plan& p : answer.rows)
      if (!p.json.empty()) all[plan_key(p) + "\n" + p.source].emplace_back(&p, answer.at);
  std::vector<Change> out;
  for (const auto& [key, seen] : all) {
    const std::string shape = plan_shape(seen.back().first->json);
    std::optional<std::size_t> best;
    double least = 0;
    for (std::size_t i = 0; i + 1 < seen.size(); ++i) {
      if (plan_shape(seen[i].first->json) == shape) continue;
      const double cost = parse_plan(seen[i].first->json).root.total_cost;
      if (!best || cost <= least) best = i, least = cost;
    }
    if (best) out.push_back({seen[*best].first, seen.back().first, seen[*best + 1].second});
  }
  return out;
}

// How a plan reads each relation: "Index Scan using docs_pkey on docs".
std::map<std::string, std::string> ways(const PlanTree& plan) {
  std::map<std::string, std::string> all;
  each_node(plan.root, [&](const PlanNode& n, int) {
    if (n.relation.empty() || n.type == "ModifyTable") return;
    std::string way = n.title();
    if (!n.index.empty()) way += " using " + n.index;
    for (const PlanNode& child : n.children)
      if (!child.index.empty()) way += " using " + child.index;
    all.emplace(n.schema + "." + n.relation, std::move(way));
  });
  return all;
}

std::string differences(const PlanTree& before, const PlanTree& after) {
  const auto then = ways(before);
  std::string out;
  for (const auto& [relation, way] : ways(after))
    if (const auto old = then.find(relation); old != then.end() && old->second != way)
      out += fmt::format("{}{}: {} -> {}", out.empty() ? "" : "; ", relation, old->second, way);
  return out.empty() ? fmt::format("{} -> {}", before.root.title(), after.root.title()) : out;
}

// A large relation that the old plan reached through an index and the new one reads whole.
std::string now_scanned(const Input& in, const Catalogue& catalogue, const Change& c, const PlanTree& before,
                        const PlanTree& after) {
  std::set<std::string> through_index;
  each_node(before.root, [&](const PlanNode& n, int) {
    if (n.type != "Seq Scan" && !n.relation.empty()) through_index.insert(n.schema + "." + n.relation);
  });
  std::string found;
  each_node(after.root, [&](const PlanNode& n, int) {
    if (n.type != "Seq Scan" || !through_index.contains(n.schema + "." + n.relation)) return;
    const KnownTable* t = catalogue.find(c.after->database, n.schema, n.relation);
    if (t != nullptr && t->table.size() >= in[min_size]) found = t->table.name;
  });
  return found;
}

// Indexes through which the old plan read this table, and that are no more.
std::vector<std::string> gone(const Input& in, const KnownTable& known, const PlanTree& before) {
  std::vector<std::string> names;
  if (in.seen(plan_indexes) == nullptr) return names;  // not seen is not gone
  const auto check = [&](const std::string& index) {
    const bool there = std::any_of(known.indexes.begin(), known.indexes.end(), [&](const Index& i) {
      return i.name.ends_with("." + sql::quote_identifier(index)) && i.is_valid;
    });
    if (!index.empty() && !there) names.push_back(index);
  };
  each_node(before.root, [&](const PlanNode& n, int) {
    if (n.relation != known.table.relation || n.schema != known.table.schema) return;
    check(n.index);
    for (const PlanNode& child : n.children)
      if (child.type == "Bitmap Index Scan") check(child.index);
  });
  return names;
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  if (in.context().one_shot) return found;  // it has not seen the past
  const Catalogue catalogue(in);
  const Load all = load(in, 60);
  for (const Change& c : changes(in)) {
    const PlanTree before = parse_plan(c.before->json), after = parse_plan(c.after->json);
    const std::string scanned = now_scanned(in, catalogue, c, before, after);
    const bool dearer = after.root.total_cost >= in[min_cost] &&
                        after.root.total_cost >= in[cost_factor] * std::max(1.0, before.root.total_cost);
    if (scanned.empty() && !dearer) continue;
    Finding f;
    for (const QueryLoad& q : all.queries)
      if (q.query_id == c.after->query_id && q.database == c.after->database) {
        f.load += q.sessions;
        f.sessions.insert(f.sessions.end(), q.pids.begin(), q.pids.end());
      }
    if (f.load < in[min_load] && c.after->name.empty()) continue;
    f.severity = Severity::warning;
    f.act_by = f.load >= in[min_load] ? ActBy::today : ActBy::this_week;
    f.object = {"query", c.after->query_id, c.after->database};
    f.sentence = fmt::format("the plan of a hot query became worse: {}", differences(before, after));
    f.queries = {c.after->query_id};
    f.since = c.seen;
    f.confidence = c.after->source == "literals" ? Confidence::medium : Confidence::high;
    f.basis = c.after->source == "literals" ? "two plans with values, which may differ"
                                            : "two generic plans of the same query";
    f.evidence.push_back({"query", words::one_line(c.after->query, 300)});
    f.evidence.push_back({"planner's cost", fmt::format("{} before, {} now", words::count(before.root.total_cost),
                                                        words::count(after.root.total_cost))});
    if (!scanned.empty()) {
      f.tables = {scanned};
      const KnownTable* t = catalogue.named(c.after->database, scanned);
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
  return found;
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

// The newest plan reads the table in parallel.
Scenario twice(Scenario s) {
  const auto& last = s.history.series(plans).back();
  Plan p = static_cast<const RowsOf<Plan>&>(*last.rows).rows[0];
  const std::string_view serial = "\"Parallel Aware\":false";
  p.json.replace(p.json.find(serial), serial.size(), "\"Parallel Aware\":true");
  return s.saw(5, plans, {p});
}

}  // namespace

extern const Check plan_changed;
const Check plan_changed{
    .id = "plan_changed",
    .title = "The plan of a hot query became worse",
    .why = "The same query suddenly reads far more: an index went away, a table grew, or statistics changed.",
    .role = Role::cause,
    .family = "scans",
    .explains = {"cpu_saturated", "load_above_cores", "connections_rising", "queries_timing_out",
                 "work_without_results", "query_regressed"},
    .reads = {activity},
    .may_read = {plans, plan_tables, plan_indexes},
    .settings = {cost_factor, min_cost, min_size, min_load},
    .evaluate = evaluate,
    .examples = {{"an index went away", [] { return past(Way::index, Way::scan); }, {Severity::warning}},
                 {"a large table is read whole, whatever the planner thinks of it",
                  [] { return past(Way::index, Way::cheap_scan); },
                  {Severity::warning}},
                 {"another index, and a far dearer plan",
                  [] { return past(Way::index, Way::other_index); },
                  {Severity::warning}},
                 {"a bad plan that changed once more, and stayed bad",
                  [] {
                    Scenario s = past(Way::index, Way::cheap_scan);
                    return twice(std::move(s));
                  },
                  {Severity::warning}},
                 {"a plan that became better", [] { return past(Way::scan, Way::index); }, {}},
                 {"the same plan again", [] { return past(Way::index, Way::index); }, {}},
                 {"a small table", [] { return past(Way::index, Way::cheap_scan, 4, false, 1 << 20); }, {}},
                 {"a one-shot look knows no past", [] { return past(Way::index, Way::scan, 4, true); }, {}}},
};

}  // namespace pgvigil
