#include "checks/probes/plans.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "checks/check.h"
#include "checks/hot_queries.h"
#include "checks/plans/no_plan.h"
#include "checks/plans/reading.h"
#include "checks/plans/sql.h"
#include "checks/probes/called_functions.h"
#include "checks/probes/relation_places.h"
#include "checks/probes/server.h"

namespace pgvigil {
namespace {

// Seconds after which a query that runs hot is explained anew: with each sweep, also with one that comes early since
// the load has jumped. The plan of a moment ago may be why.
constexpr double hot_again = 10;
constexpr double quiet_again = 5 * 60;  // the same for one that the samples do not show
constexpr std::size_t most_a_minute = 50;
constexpr double struggling = 0.25;  // seconds of one EXPLAIN, on average; it takes a millisecond on an idle server
constexpr std::size_t few = 3;       // are explained then
constexpr std::size_t hottest = 15;
constexpr std::size_t most_finished = 5;  // of those that hardly load the server: what they do is at least looked at
constexpr std::size_t most_inner = 12;    // statements in functions of one query

bool explainable(std::string_view text) { return !text.empty() && !no_plan(text); }

// On an idle server the probes themselves are what grows most.
bool is_ours(const Input& in, const HotEntry& e) {
  const auto servers = in.now(server);
  return e.named == nullptr && !servers.empty() && e.load.user == servers.front().role &&
         e.text.find("pg_catalog.") != std::string::npos;
}

Request request_for(const Input& in, const HotEntry& e) {
  Request r{.database = e.load.database, .query_id = e.query_id, .text = e.text, .user = e.load.user};
  if (e.named != nullptr) {
    r.search_path = e.named->search_path;
    r.values = e.named->parameters;
  }
  if (r.search_path.empty()) {
    Places places = places_of(in, r.database, r.text, e.load.pids);
    r.schemas = std::move(places.schemas);
    r.other_schemas = std::move(places.others);
  }
  return r;
}

std::vector<Request> wanted(const Input& in) {
  std::map<std::string, double> age;  // of the newest answer, plan or failure, by query
  for (const auto& answer : in.series(plans, quiet_again))
    for (const Plan& p : answer.rows) age[plan_key(p)] = seconds_between(answer.at, in.at());
  std::vector<Request> requests;
  std::set<std::string> asked;
  const auto due = [&](double again, const std::string& database, const std::string& id) {
    const std::string key = database + "\n" + id;
    const auto known = age.find(key);
    return (known == age.end() || known->second >= again) && asked.insert(key).second;
  };

  const std::vector<HotEntry> all = hot_queries(in, load(in, 30));
  std::set<std::string> prints;  // of statements that are entries of their own
  for (const HotEntry& e : all) prints.insert(e.fingerprint);
  prints.erase("");
  std::size_t hot = 0, finished = 0;
  for (const HotEntry& e : all) {
    if (is_ours(in, e)) continue;
    const bool loads = e.load.share >= 0.05 || e.load.sessions >= 0.3;
    if (e.named == nullptr && !(loads ? ++hot <= hottest : e.finishing > 0 && ++finished <= most_finished)) continue;
    if (e.cut || e.text.empty()) continue;
    const bool running = e.load.sessions > e.finishing && loads;
    const double again = running ? hot_again : quiet_again;
    const auto inner = inner_statements(in, e.load.database, e.text);
    if (explainable(e.text) && due(again, e.load.database, e.query_id)) requests.push_back(request_for(in, e));
    std::size_t n = 0;
    for (const Inner& i : inner) {
      if (!explainable(i.statement->query) || prints.contains(i.statement->fingerprint)) continue;
      if (sql::relations(i.statement->query).empty() || ++n > most_inner) continue;  // INSERT ... VALUES reads nothing
      if (!due(again, e.load.database, i.statement->query_id)) continue;
      Request r{.database = e.load.database, .query_id = i.statement->query_id, .text = i.statement->query};
      r.user = e.load.user;
      r.search_path = i.statement->search_path;
      if (r.search_path.empty()) {
        Places places = places_of(in, r.database, r.text, e.load.pids);
        r.schemas = std::move(places.schemas);
        r.other_schemas = std::move(places.others);
      }
      requests.push_back(std::move(r));
    }
  }
  return requests;
}

// The hottest come first.
std::vector<Request> plan(const Input& in) {
  std::vector<Request> requests = wanted(in);
  requests.resize(std::min(requests.size(), explain_allowance(in).most));
  return requests;
}

}  // namespace

ExplainAllowance explain_allowance(const Input& in) {
  std::size_t lately = 0;
  for (const auto& answer : in.series(plans, 60)) lately += answer.rows.size();
  ExplainAllowance out{lately < most_a_minute ? most_a_minute - lately : 0};
  if (out.most == 0) out.why = fmt::format("{} EXPLAINs were made within a minute: the rest waits", lately);
  if (const Answer* newest = in.seen(plans); newest != nullptr && newest->rows->size() > 0) {
    const double each = newest->seconds / static_cast<double>(newest->rows->size());
    if (each >= struggling && out.most > few) {
      out.most = few;
      out.why = fmt::format(
          "an EXPLAIN takes {:.1f} s, the server struggles: only the {} hottest queries are explained", each, few);
    }
  }
  return out;
}

std::vector<Column<Plan>> plan_columns() {
  return {{"query_id", &Plan::query_id}, {"database", &Plan::database},   {"user", &Plan::user},
          {"query", &Plan::query},       {"name", &Plan::name},           {"json", &Plan::json},
          {"source", &Plan::source},     {"rewritten", &Plan::rewritten}, {"schemas", &Plan::schemas},
          {"sqlstate", &Plan::sqlstate}, {"error", &Plan::error},         {"reason", &Plan::reason}};
}

std::string plan_key(const Plan& p) { return p.database + "\n" + p.query_id; }

const Probe<Plan> plans{{.id = "plans",
                         .title = "Plans of hot queries",
                         .scope = Scope::explain,
                         .cadence = Cadence::sweep,
                         .timeout = Milliseconds(1000),
                         .on_denied = "GRANT pg_read_all_data TO pgvigil; on 13: GRANT SELECT on the tables",
                         .plan = plan,
                         .wave = 5},
                        plan_columns(),
                        plan_key};

}  // namespace pgvigil
