#include "checks/probes/hypothetical_plans.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "checks/check.h"
#include "checks/load.h"
#include "checks/plans/scans.h"
#include "checks/probes/extensions.h"

namespace pgvigil {
namespace {

constexpr std::int64_t floor_bytes = 10LL << 20;
constexpr double again = 10 * 60;  // seconds after which a cure is tried anew
constexpr std::size_t most = 5;    // a sweep

// HypoPG knows only what takes no extension and reads no value: B-trees.
std::vector<std::string> statements(const KnownTable& known, const TableReader& r) {
  std::vector<std::string> all;
  std::vector<std::string> places;
  for (const KnownTable* part : r.parts) places.push_back(part->table.name);
  if (places.empty() && known.table.kind == "p") return all;
  if (places.empty()) places.push_back(known.table.name);
  for (const std::string& place : places) {
    if (r.advice.method == "btree") all.push_back(fmt::format("CREATE INDEX ON {} {}", place, r.advice.definition()));
    for (const IndexAdvice& other : r.advice.beside)
      if (other.kind == IndexAdvice::Kind::create && other.method == "btree")
        all.push_back(fmt::format("CREATE INDEX ON {} {}", place, other.definition()));
  }
  return all;
}

std::vector<Request> plan(const Input& in) {
  std::set<std::string> with_hypopg, tried;
  for (const Extension& e : in.now(extensions))
    if (e.name == "hypopg") with_hypopg.insert(e.database);
  if (with_hypopg.empty()) return {};
  for (const auto& answer : in.series(hypothetical_plans, again))
    for (const Plan& p : answer.rows) tried.insert(plan_key(p));
  std::vector<Request> requests;
  const Catalogue catalogue(in);
  for (const ReadTable& t : read_tables(in, catalogue, load(in, 30), floor_bytes))
    for (const TableReader& r : t.readers) {
      if (requests.size() >= most || r.verdict != ScanVerdict::harmful || !r.scan ||
          r.advice.kind != IndexAdvice::Kind::create || !with_hypopg.contains(t.known->table.database))
        continue;
      Request request{.database = t.known->table.database, .query_id = r.query.query_id, .text = r.query.query};
      for (const HotQuery& q : in.context().hot_queries)
        if (r.query.query_id == std::string(kConfigured) + q.name) {
          request.text = q.sql;
          request.search_path = q.search_path;
          request.values = q.parameters;
        }
      if (!r.inside.empty()) {
        request.query_id = r.inner_id;
        request.text = r.inner;
        request.search_path.clear();
        request.values.clear();
      }
      request.user = r.query.user;
      if (request.search_path.empty() && t.known->table.schema != "public")
        request.other_schemas = {t.known->table.schema};
      request.parameters = statements(*t.known, r);
      if (!request.parameters.empty() && tried.insert(request.database + "\n" + request.query_id).second)
        requests.push_back(std::move(request));
    }
  return requests;
}

}  // namespace

const Probe<Plan> hypothetical_plans{{.id = "hypothetical_plans",
                                      .title = "Plans of hot queries with the recommended index",
                                      .scope = Scope::explain,
                                      .cadence = Cadence::sweep,
                                      .timeout = Milliseconds(1000),
                                      .plan = plan,
                                      .wave = 8},
                                     plan_columns(),
                                     plan_key};

}  // namespace pgvigil
