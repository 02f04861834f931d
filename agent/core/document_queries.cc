// The hot queries with what pg_stat_statements knows of them, and their plans.
#include <algorithm>
#include <map>

#include "agent/core/documents.h"
#include "agent/core/json_parts.h"
#include "agent/core/text.h"
#include "checks/hot_queries.h"
#include "checks/plans/no_plan.h"
#include "checks/plans/remember.h"
#include "checks/probes/known_plans.h"
#include "checks/probes/plans.h"
#include "checks/probes/statements.h"

namespace pgvigil {
namespace {

using json::Json;
using json::number;

constexpr std::size_t most_queries = 50;
constexpr double load_window = 60;    // seconds
constexpr double rate_window = 180;   // seconds: a few sweeps
constexpr double block_bytes = 8192;  // as PostgreSQL is built nearly everywhere; pg_stat_statements counts blocks

Time at_epoch(double seconds) {
  return Time(std::chrono::duration_cast<Milliseconds>(std::chrono::duration<double>(seconds)));
}
Json epoch(const std::optional<double>& seconds) { return seconds ? json::time(at_epoch(*seconds)) : Json(); }

// Growth of a query's counters per second, over all who run it.
struct Growth {
  std::optional<double> calls, seconds, rows, blocks_read, temp_blocks;
};

void sum(std::optional<double>& all, const std::optional<double>& one) {
  if (one) all = all.value_or(0) + *one;
}

std::map<std::string, Growth> growth(const Input& in) {
  std::map<std::string, Growth> all;
  for (const Statement& s : in.now(statements)) {
    Growth& g = all[s.database + '\n' + s.query_id];
    sum(g.calls, in.rate(statements, s, &Statement::calls, rate_window));
    sum(g.seconds, in.rate(statements, s, &Statement::total_seconds, rate_window));
    sum(g.rows, in.rate(statements, s, &Statement::rows, rate_window));
    sum(g.blocks_read, in.rate(statements, s, &Statement::shared_blocks_read, rate_window));
    sum(g.temp_blocks, in.rate(statements, s, &Statement::temp_blocks_written, rate_window));
  }
  return all;
}

const JudgedPlan* plan_of(const std::vector<JudgedPlan>& judged, const HotEntry& e) {
  for (const JudgedPlan& p : judged)
    if (p.database == e.load.database &&
        (p.query_id == e.query_id || std::find(e.ids.begin(), e.ids.end(), p.query_id) != e.ids.end()))
      return &p;
  return nullptr;
}

// Of a query that has a plan made with values and one without, the one that is asked about.
const KnownPlan* known_of(const Input& in, std::string_view database, std::string_view query_id,
                          std::string_view source) {
  for (const KnownPlan& k : in.now(known_plans))
    if (k.database == database && k.query_id == query_id && (source.empty() || k.source == source)) return &k;
  return nullptr;
}

Json verdict(const JudgedPlan* p) { return p == nullptr || p->nodes.empty() ? Json() : Json(to_string(p->verdict)); }

Json query(const Input& in, const HotEntry& e, const std::map<std::string, Growth>& grown,
           const std::vector<JudgedPlan>& judged) {
  const QueryLoad& q = e.load;
  Growth g;
  for (const std::string& id : e.ids)
    if (const auto it = grown.find(q.database + '\n' + id); it != grown.end()) {
      sum(g.calls, it->second.calls), sum(g.seconds, it->second.seconds), sum(g.rows, it->second.rows);
      sum(g.blocks_read, it->second.blocks_read), sum(g.temp_blocks, it->second.temp_blocks);
    }
  const bool called = g.calls && *g.calls > 0;
  const JudgedPlan* p = plan_of(judged, e);
  const KnownPlan* known = p == nullptr ? nullptr : known_of(in, p->database, p->query_id, p->source);
  const auto times = [](const std::optional<double>& n, double scale) { return n ? number(*n * scale) : Json(); };
  std::string reason = "it was not explained yet", refused = "not_yet";
  if (p != nullptr)
    reason = p->nodes.empty() ? p->error : p->reason, refused = p->refused;
  else if (e.cut)
    reason = "its text is cut: raise track_activity_query_size", refused = "truncated";
  else if (const auto none = no_plan(e.text))
    reason = none->error, refused = none->reason;
  return {{"query_id", e.ids.empty() ? e.query_id : e.ids.front()},
          {"query", q.query.empty() ? e.text : q.query},
          {"truncated", e.cut},
          {"name", e.named != nullptr ? Json(e.named->name) : Json()},
          {"database", q.database},
          {"user", q.user},
          {"application", q.application},
          {"sessions", number(q.sessions)},
          {"share", number(q.share)},
          {"blocked", number(q.blocked)},
          {"oldest_seconds", number(q.oldest_seconds)},
          {"calls_per_second", number(g.calls)},
          {"mean_seconds", called && g.seconds ? Json(*g.seconds / *g.calls) : Json()},
          {"rows_per_call", called && g.rows ? number(*g.rows / *g.calls) : Json()},
          {"read_bytes_per_second", times(g.blocks_read, block_bytes)},
          {"temp_bytes_per_second", times(g.temp_blocks, block_bytes)},
          {"plan", verdict(p)},
          {"plan_id", p != nullptr && !p->nodes.empty() ? Json(p->query_id) : Json()},
          {"reason", reason},
          {"refused", p != nullptr && !p->nodes.empty() ? Json() : json::text_or_null(refused)},
          {"cure", p != nullptr ? json::text_or_null(p->cure) : Json()},
          {"cost", p != nullptr && !p->nodes.empty() ? number(p->cost()) : Json()},
          {"plan_changes", known != nullptr ? known->changes : 0},
          {"plan_changed_at", known != nullptr ? epoch(known->changed_at) : Json()}};
}

Json node(const JudgedNode& n) {
  Json details = Json::array();
  for (const auto& [what, text] : n.details) details.push_back({what, text});
  return {{"number", n.number},
          {"depth", n.depth},
          {"title", n.title},
          {"rows", number(n.rows)},
          {"cost", number(n.cost)},
          {"details", std::move(details)},
          {"verdict", n.verdict ? Json(to_string(*n.verdict)) : Json()},
          {"confidence", n.verdict ? Json(to_string(n.confidence)) : Json()},
          {"reason", n.verdict ? Json(n.reason) : Json()}};
}

Json reads(const std::vector<std::string>& all) { return json::list(plan_reads(all), read_in_words); }

Json plan(const Input& in, const JudgedPlan& p) {
  const KnownPlan* k = known_of(in, p.database, p.query_id, p.source);
  const bool changed = k != nullptr && k->changed_at.has_value();
  return {{"query_id", p.query_id},
          {"database", p.database},
          {"name", json::text_or_null(p.name)},
          {"query", p.query},
          {"source", p.source},
          {"rewritten", json::text_or_null(p.rewritten)},
          {"verdict", to_string(p.verdict)},
          {"shape", p.shape},
          {"cost", number(p.cost())},
          {"changed_at", changed ? epoch(k->changed_at) : Json()},
          {"before_cost", changed ? number(k->before_cost) : Json()},
          {"before_reads", changed ? reads(k->before_reads) : Json::array()},
          {"reads", p.reads},
          {"nodes", json::list(p.nodes, node)}};
}

}  // namespace

std::string queries_document(const Input& in, const std::vector<JudgedPlan>& judged) {
  auto hot = hot_queries(in, load(in, load_window));
  hot.resize(std::min(hot.size(), most_queries));
  const auto grown = growth(in);
  return json::in_one_line(
      {{"schema", 1},
       {"target", in.context().target},
       {"at", rfc3339(in.at())},
       {"window_seconds", load_window},
       {"queries", json::list(hot, [&](const HotEntry& e) { return query(in, e, grown, judged); })}});
}

std::string plans_document(const Input& in, const std::vector<JudgedPlan>& judged) {
  Json all = Json::array();
  for (const JudgedPlan& p : judged)
    if (!p.nodes.empty()) all.push_back(plan(in, p));
  const Answer* newest = in.history().latest(plans);
  return json::in_one_line({{"schema", 1},
                            {"target", in.context().target},
                            {"at", newest != nullptr ? Json(rfc3339(newest->at)) : Json()},
                            {"plans", std::move(all)}});
}

}  // namespace pgvigil
