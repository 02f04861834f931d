#include "checks/plans/misjudged.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>

#include "checks/plans/judge.h"
#include "checks/probes/plans.h"
#include "checks/probes/statements.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr double least_rows = 10'000, few_seconds = 0.5;
constexpr double rows_off = 100;

// Rows that were loaded and analysed in one session: what it inserted is told after its ANALYZE, which has counted it.
// Then the server takes more rows for live than were ever inserted, and those that it counts twice for changed.
double counted_twice(const Table& t) {
  constexpr double about = 0.02;
  const auto inserted = static_cast<double>(t.rows_inserted - t.rows_deleted);
  if (!t.rows || inserted <= 0 || std::abs(*t.rows - inserted) > about * inserted) return 0;
  return std::max(0.0, static_cast<double>(t.live_rows) - *t.rows);
}

double changed_of(const Table& t) { return std::max(0.0, static_cast<double>(t.changed_rows) - counted_twice(t)); }

double rows_of(const KnownTable& t) {
  return std::max({static_cast<double>(t.table.live_rows) - counted_twice(t.table), t.table.rows.value_or(0), 0.0});
}

bool has_statistics(const KnownTable& t) {
  return std::any_of(t.columns.begin(), t.columns.end(),
                     [](const RelationColumn& c) { return c.distinct.has_value(); });
}

// pg_stats hides what we may not read; where it shows a thing, what it does not show is not there.
bool sees_statistics(const Catalogue& catalogue, const std::string& database) {
  return std::any_of(catalogue.all().begin(), catalogue.all().end(), [&](const auto& known) {
    return known.second.table.database == database && has_statistics(known.second);
  });
}

// Sessions of this query on a core or reading: a share of all samples of it.
double working(const Input& in, const QueryLoad& q) {
  double all = 0, busy = 0;
  for (const auto& sample : in.series(activity, 30))
    for (const Session& s : sample.rows) {
      if (!is_active(s) || s.query_id != q.query_id || s.database != q.database) continue;
      all += 1;
      busy += spends(s) == Spends::cpu ? 1 : 0;
    }
  return all > 0 ? busy / all : 0;
}

struct Finished {
  double calls = 0, seconds = 0, rows = 0;  // a second
};
Finished finished(const Input& in, const Plan& p) {
  Finished f;
  for (const Statement& s : in.now(statements)) {
    if (s.query_id != p.query_id || s.database != p.database) continue;
    f.calls += in.rate(statements, s, &Statement::calls, 60).value_or(0);
    f.seconds += in.rate(statements, s, &Statement::total_seconds, 60).value_or(0);
    f.rows += in.rate(statements, s, &Statement::rows, 60).value_or(0);
  }
  return f;
}

std::vector<Staleness> stale_tables(const Catalogue& catalogue, const Plan& p, double changed_share) {
  std::map<std::string, Staleness> all;
  for (const PlanRelation& r : plan_relations(p.json)) {
    const KnownTable* t = catalogue.find(p.database, r.schema, r.relation);
    if (t == nullptr) continue;
    auto s = staleness(catalogue, *t, changed_share);
    const KnownTable* whole = catalogue.named(p.database, t->table.parent);
    if (whole != nullptr && !s) s = staleness(catalogue, *whole, changed_share);
    if (!s) continue;
    if (whole != nullptr) s->table = whole;
    all.emplace(s->table->table.name, *s);
  }
  std::vector<Staleness> out;
  for (auto& [name, s] : all) out.push_back(s);
  std::stable_sort(out.begin(), out.end(), [](const Staleness& a, const Staleness& b) { return a.share > b.share; });
  return out;
}

// An index leads to its rows and to no others: there is no better plan, however many they are.
bool only_fetches(const PlanNode& root) {
  const bool one = std::all_of(root.children.begin(), root.children.end(),
                               [](const PlanNode& n) { return n.type == "Bitmap Index Scan"; });
  return one && root.type != "Seq Scan" && !root.relation.empty() && !root.index_condition.empty() &&
         root.filter.empty();
}

// How often a query recurses no statistics tell: its cost says nothing of its time.
bool recurses(const PlanNode& root) {
  bool found = false;
  each_node(root, [&](const PlanNode& n, int) { found = found || n.type == "Recursive Union"; });
  return found;
}

}  // namespace

std::string Staleness::in_words() const {
  if (never) return "was never analysed";
  return fmt::format("{} of {} rows came or changed since its last ANALYZE", words::count(changed_of(table->table)),
                     words::count(rows_of(*table)));
}

std::optional<Staleness> staleness(const Catalogue& catalogue, const KnownTable& t, double changed_share) {
  if (t.table.kind == "p") {
    // ANALYZE of the partitions leaves their parent alone, and autovacuum never looks at it.
    const bool seen = !t.columns.empty() && sees_statistics(catalogue, t.table.database);
    if (t.table.last_analyze || !seen || has_statistics(t) || rows_of(t) < least_rows) return std::nullopt;
    return Staleness{&t, true, 1};
  }
  const double live = rows_of(t);
  if (live < least_rows) return std::nullopt;
  const double share = changed_of(t.table) / std::max(1.0, live);
  const bool none_known = !t.columns.empty() && sees_statistics(catalogue, t.table.database) && !has_statistics(t);
  const bool never = !t.table.last_analyze && (none_known || (!t.table.rows && !has_statistics(t)) || t.outgrown);
  if (never) return Staleness{&t, true, std::max(1.0, share)};
  if (changed_of(t.table) >= least_rows && share >= changed_share) return Staleness{&t, false, share};
  return std::nullopt;
}

std::vector<Misjudged> misjudged(const Input& in, const Catalogue& catalogue, const Load& load,
                                 const MisjudgedOptions& options) {
  std::map<std::string, std::pair<const Plan*, Time>> newest;
  const auto all = in.series(plans, 15 * 60);
  for (const auto& answer : all)
    for (const Plan& p : answer.rows)
      if (!p.json.empty()) newest[plans.key(p)] = {&p, answer.at};
  const double crowd = std::max(1.0, load.active / vcpus(in).value_or(load.active > 0 ? load.active : 1));
  std::vector<Misjudged> out;
  for (const auto& [key, known] : newest) {
    const Plan& p = *known.first;
    Misjudged m;
    for (const QueryLoad& q : load.queries) {
      if (q.database != p.database || (q.query_id != p.query_id && (p.name.empty() || q.query != p.query))) continue;
      const double others = m.query.sessions;
      if (q.sessions > others)
        m.query = q, m.query.sessions += others;
      else
        m.query.sessions += q.sessions;
    }
    const Finished f = finished(in, p);
    if (m.query.query.empty()) {
      m.query.query_id = p.query_id, m.query.query = p.query, m.query.database = p.database, m.query.user = p.user;
      m.query.sessions = f.seconds;
      m.query.executions = static_cast<std::int64_t>(f.calls * 60);
      m.query.share = load.active > 0 ? std::min(1.0, f.seconds / load.active) : 0;
    }
    if (m.query.sessions < options.min_load) continue;
    m.text = p.query;
    m.tables = stale_tables(catalogue, p, options.changed_share);
    if (m.tables.empty()) continue;
    PlanNode root;
    try {
      root = parse_plan(p.json).root;
    } catch (const std::invalid_argument&) {
      continue;  // the server's answer is not one we can read
    }
    if (recurses(root)) continue;
    const double share_on_core = m.query.pids.empty() && m.query.oldest_seconds <= 0 ? 1 : working(in, m.query);
    const double mean = f.calls > 0 ? f.seconds / f.calls : 0;
    m.seconds = std::max(mean, m.query.oldest_seconds) * share_on_core / crowd;
    m.expected = root.total_cost * slow_unit;
    m.rows = f.calls > 0 ? f.rows / f.calls : 0;
    m.rows_expected = root.rows;
    const bool slow = m.seconds >= few_seconds && m.seconds >= options.off * m.expected;
    const bool more_rows = root.type != "Limit" && root.type != "ModifyTable" && !only_fetches(root) &&
                           p.rewritten.empty() && m.rows >= rows_off * std::max(1.0, root.rows);
    if (!more_rows) m.rows = 0;
    if (slow || more_rows) out.push_back(std::move(m));
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Misjudged& a, const Misjudged& b) { return a.query.sessions > b.query.sessions; });
  return out;
}

}  // namespace pgvigil
