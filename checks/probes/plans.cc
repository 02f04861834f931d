#include "checks/probes/plans.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "checks/check.h"
#include "checks/load.h"
#include "checks/plans/reading.h"
#include "checks/plans/sql.h"
#include "checks/probes/server.h"
#include "checks/probes/statement_texts.h"
#include "checks/probes/statements.h"

namespace pgvigil {
namespace {

constexpr double hot_again = 60;        // seconds after which a query that still runs hot is explained anew
constexpr double quiet_again = 5 * 60;  // the same for one that the samples do not show
constexpr std::size_t most_a_minute = 50;
constexpr double struggling = 0.25;  // seconds of one EXPLAIN, on average; it takes a millisecond on an idle server
constexpr std::size_t few = 3;       // are explained then
constexpr std::size_t most_running = 10, most_finished = 5;

// Only what has a plan; what our parser does not know may be newer grammar, and the server decides.
bool explainable(std::string_view text) {
  if (text.empty() || text == "<insufficient privilege>") return false;
  const sql::Kind kind = sql::kind(text);
  if (kind == sql::Kind::utility && sql::reading_part(text)) return true;  // a cursor
  return kind != sql::Kind::utility && kind != sql::Kind::several;
}

// On an idle server the probes themselves are what grows most.
bool is_ours(const Input& in, const StatementText& t) {
  const auto servers = in.now(server);
  return !servers.empty() && t.user == servers.front().role && t.text.find("pg_catalog.") != std::string::npos;
}

std::vector<Request> wanted(const Input& in) {
  std::map<std::string, double> age;  // of the newest answer, plan or failure, by query
  for (const auto& answer : in.series(plans, quiet_again))
    for (const Plan& p : answer.rows) age[p.database + "\n" + p.query_id] = seconds_between(answer.at, in.at());
  std::vector<Request> requests;
  std::set<std::string> asked;
  const auto ask = [&](double again, Request request) {
    const std::string key = request.database + "\n" + request.query_id;
    const auto known = age.find(key);
    if (known != age.end() && known->second < again) return;
    if (explainable(request.text) && asked.insert(key).second) requests.push_back(std::move(request));
  };

  const Load load = pgvigil::load(in, 30);
  std::size_t running = 0;
  for (const QueryLoad& q : load.queries) {
    if (q.query_id.empty() || q.truncated || (q.share < 0.05 && q.sessions < 0.3)) continue;
    if (++running > most_running) break;
    ask(hot_again, {.database = q.database, .query_id = q.query_id, .text = q.query, .user = q.user});
  }
  for (const HotQuery& q : in.context().hot_queries)
    ask(quiet_again, {.database = q.database, .query_id = "config:" + q.name, .text = q.sql});

  std::map<std::string, const StatementText*> texts;
  const auto known = in.series(statement_texts, in.history().keep_seconds);
  for (const auto& answer : known)
    for (const StatementText& t : answer.rows)
      if (!t.truncated) texts[statement_texts.key(t)] = &t;
  std::vector<std::pair<double, const Statement*>> grown;
  for (const Statement& s : in.now(statements))
    if (const auto rate = in.rate(statements, s, &Statement::total_seconds, 60); rate && *rate > 0)
      grown.emplace_back(*rate, &s);
  std::stable_sort(grown.begin(), grown.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::size_t finished = 0;
  for (const auto& [rate, s] : grown) {
    const auto text = texts.find(statements.key(*s));
    if (text != texts.end() && is_ours(in, *text->second)) continue;
    if (++finished > most_finished) break;
    if (text == texts.end()) continue;
    ask(quiet_again, {.database = s->database, .query_id = s->query_id, .text = text->second->text, .user = s->user});
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
          {"source", &Plan::source},     {"rewritten", &Plan::rewritten}, {"sqlstate", &Plan::sqlstate},
          {"error", &Plan::error},       {"reason", &Plan::reason}};
}

std::string plan_key(const Plan& p) { return p.database + "\n" + p.query_id; }

const Probe<Plan> plans{{.id = "plans",
                         .title = "Plans of hot queries",
                         .scope = Scope::explain,
                         .cadence = Cadence::sweep,
                         .timeout = Milliseconds(1000),
                         .on_denied = "GRANT pg_read_all_data TO pgvigil; on 13: GRANT SELECT on the tables",
                         .plan = plan,
                         .wave = 2},
                        plan_columns(),
                        plan_key};

}  // namespace pgvigil
