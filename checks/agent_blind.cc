#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "checks/check.h"
#include "checks/hot_queries.h"
#include "checks/load.h"
#include "checks/mend.h"
#include "checks/plans/cut_text.h"
#include "checks/plans/sql.h"
#include "checks/probes/activity.h"
#include "checks/probes/plans.h"
#include "checks/probes/server.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

struct Blind {
  std::string what, why;
};

// Everything that could not be seen, by what would mend it.
using ByMend = std::map<std::string, std::vector<Blind>>;

// The latest answer tells; a database that answered beside one that did not leaves both rows and failures.
void add_failures(const Input& in, ByMend& out, std::set<std::string>& probes) {
  for (const auto& [id, series] : in.history().all()) {
    if (series.empty() || id == server.id()) continue;
    std::set<std::string> said;
    for (const Failure& f : series.back().failures) {
      if (f.database.empty() && series.back().rows) continue;  // seen, with a limit that the blind spots tell
      const std::string what = f.database.empty() ? id : fmt::format("{} in {}", id, words::one_line(f.database, 63));
      if (said.insert(what).second) out[mend_for(in, f.mend)].push_back({what, words::one_line(f.message, 160)});
      probes.insert(id);
    }
  }
}

// What the server hides without an error: the probe answers, with holes.
void add_holes(const Input& in, ByMend& out, const std::set<std::string>& probes) {
  for (const Server& s : in.now(server)) {
    const std::string role = sql::quote_identifier(s.role);
    if (!s.can_read_stats) {
      double hidden = 0;
      for (const Session& a : in.now(activity))
        if (a.state.empty() && (a.backend_type.empty() || a.backend_type == "client backend")) hidden += 1;
      out[fmt::format("GRANT pg_monitor TO {};", role)].push_back(
          {"statements of other roles",
           hidden > 0 ? words::counted(hidden, "session") + " hidden" : "the role is not in pg_monitor"});
    } else if (!s.can_read_settings) {
      out[fmt::format("GRANT pg_read_all_settings TO {};", role)].push_back(
          {"some settings", "the role is not in pg_read_all_settings"});
    }
    if (!s.can_read_data && s.version_num >= 140000)
      out[fmt::format("GRANT pg_read_all_data TO {};", role)].push_back(
          {"plans of queries", "EXPLAIN is refused on tables that the role cannot read"});
    if (!s.has_statements && !probes.contains("statements"))
      out[s.preloads_statements ? "CREATE EXTENSION pg_stat_statements;"
                                : "set shared_preload_libraries = 'pg_stat_statements', restart, then CREATE EXTENSION "
                                  "pg_stat_statements"]
          .push_back({"queries that finish",
                      fmt::format("pg_stat_statements is not installed in {}", words::one_line(s.database, 63))});
  }
}

// A text that is cut, and that pg_stat_statements has not whole either, cannot be explained. That matters where it
// carries load. Its beginning may still name the tables.
void add_cut_texts(const Input& in, ByMend& out) {
  constexpr double little = 0.2;  // sessions; what seq_scan_hot_query leaves alone
  double n = 0, sessions = 0, share = 0;
  std::set<std::string> tables;
  for (const HotEntry& e : hot_queries(in, load(in, 30))) {
    if (!e.cut) continue;
    n += 1, sessions += e.load.sessions, share += e.load.share;
    for (const sql::RelationUse& r : sql::relations(sql::mended(e.text)))
      tables.insert((r.schema.empty() ? "" : sql::quote_identifier(r.schema) + ".") +
                    sql::quote_identifier(r.relation));
  }
  if (sessions < little) return;
  const auto servers = in.now(server);
  const double size = servers.empty() ? 1024 : static_cast<double>(servers.front().track_activity_query_size);
  const std::vector<std::string> named(tables.begin(), tables.end());
  out["ALTER SYSTEM SET track_activity_query_size = '16kB', then restart the server"].push_back(
      {n == 1 ? "the whole text of 1 query" : fmt::format("the whole text of {} queries", words::count(n)),
       fmt::format("texts are cut at track_activity_query_size ({}), and pg_stat_statements has not seen these finish: "
                   "{} of the load cannot be read{}",
                   words::bytes(size), words::share(share),
                   named.empty() ? "" : "; their beginning names " + words::list(named, 5))});
}

// Queries are left unexplained so that the server is spared.
void add_spared(const Input& in, ByMend& out) {
  if (const std::string why = explain_allowance(in).why; !why.empty())
    out[""].push_back({"plans of cooler queries", why});
}

// Statements go into a step to paste; anything else is said in the evidence.
bool is_sql(const std::string& mend) { return mend.starts_with("GRANT ") || mend.starts_with("CREATE EXTENSION "); }

bool all_blind(const Input& in) {
  std::size_t failed = 0;
  for (const auto& [id, series] : in.history().all()) {
    if (id == server.id() || series.empty()) continue;
    if (series.back().rows) return false;
    failed += 1;
  }
  return failed > 1;
}

std::vector<Finding> evaluate(const Input& in) {
  const Answer* contact = in.history().latest(server);
  if (contact != nullptr && !contact->rows) return {};  // server_unreachable says that
  ByMend all;
  std::set<std::string> probes;
  add_failures(in, all, probes);
  add_holes(in, all, probes);
  add_cut_texts(in, all);
  add_spared(in, all);
  if (all.empty()) return {};

  const bool nothing = all_blind(in);
  Finding f;
  f.role = Role::advice;
  f.severity = nothing ? Severity::warning : Severity::info;
  f.act_by = nothing ? ActBy::today : ActBy::later;
  f.object = {"server", in.context().target};
  std::vector<std::string> what;
  const auto servers = in.now(server);
  Remedy cure{Remedy::Kind::cure, "let the agent see", {}};
  for (const auto& [mend, blind] : all) {
    std::vector<std::string> names;
    for (const Blind& b : blind) names.push_back(b.what);
    what.insert(what.end(), names.begin(), names.end());
    f.evidence.push_back({words::list(names, 6),
                          mend.empty() ? blind.front().why
                                       : fmt::format("{}; mend: {}", blind.front().why, words::one_line(mend, 200))});
    if (!is_sql(mend)) continue;
    Step s{.title = "as a superuser",
           .database = servers.empty() ? "" : servers.front().database,
           .run_as = "superuser",
           .sql = mend};
    if (!s.sql.ends_with(';')) s.sql += ';';
    cure.steps.push_back(std::move(s));
  }
  f.sentence = nothing ? fmt::format("the agent sees nothing of this server: {}", words::list(what, 3))
                       : fmt::format("the agent cannot see {}", words::list(what, 3));
  if (!cure.steps.empty()) f.remedies.push_back(std::move(cure));
  f.confidence = Confidence::high;
  f.basis = "the latest answers";
  return {std::move(f)};
}

std::string fine(const Input& in) {
  const double n = static_cast<double>(in.history().all().size());
  return n == 0 ? std::string() : fmt::format("{} answered", words::counted(n, "probe"));
}

Server sees_all() {
  Server s;
  s.version_num = 150020;
  s.database = "shop";
  s.role = "pgvigil";
  s.can_read_stats = s.can_read_settings = s.can_read_data = s.has_statements = true;
  return s;
}

const Failure denied{.sqlstate = "42501",
                     .message = "permission denied for function pg_ls_tmpdir",
                     .mend = "GRANT pg_monitor TO pgvigil;"};

Scenario one_denied() {
  return Scenario().saw(1, server, {sees_all()}).saw(1, activity, {}).failed(1, *find_probe("temp_files"), denied);
}

Scenario monitor_only() {
  Server s = sees_all();
  s.can_read_data = s.has_statements = false;
  return Scenario().saw(1, server, {s}).saw(1, activity, {});
}

Scenario sessions_hidden() {
  Server s = sees_all();
  s.can_read_stats = false;
  Session hidden;
  hidden.backend_type = "client backend";
  return Scenario().saw(1, server, {s}).saw(1, activity, {hidden});
}

Scenario texts_cut(bool whole) {
  Scenario out;
  Session s;
  s.pid = 7;
  s.database = "shop";
  s.backend_type = "client backend";
  s.state = "active";
  s.query_id = "42";
  s.query = "SELECT data FROM docs WHERE id IN ($1, $2, $3";
  s.truncated = true;
  StatementText t{.query_id = "42", .database = "shop", .text = s.query + ", $4) AND kind = $5"};
  out.saw(1, server, {sees_all()}).saw(1, activity, {s});
  return whole ? out.saw(1, statement_texts, {t}) : out;
}

Scenario nothing_seen() {
  return Scenario()
      .saw(1, server, {sees_all()})
      .failed(1, activity, denied)
      .failed(1, *find_probe("databases"), denied);
}

Scenario seen_again() {
  return Scenario().saw(20, server, {sees_all()}).failed(11, activity, denied).saw(1, activity, {});
}

Scenario no_contact() {
  return Scenario()
      .failed(11, activity, denied)
      .failed(1, server, {.sqlstate = "08001", .message = "cannot connect to db:5432: Connection refused"});
}

}  // namespace

extern const Check agent_blind;
const Check agent_blind{
    .id = "agent_blind",
    .title = "The agent cannot see everything",
    .why = "What is not seen is not ruled out: a cause may hide there.",
    .role = Role::advice,
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"one probe is denied", &one_denied, {Severity::info}},
                 {"pg_monitor alone, without pg_stat_statements", &monitor_only, {Severity::info}},
                 {"the statements of others are hidden", &sessions_hidden, {Severity::info}},
                 {"a hot query's text is cut", [] { return texts_cut(false); }, {Severity::info}},
                 {"... but pg_stat_statements has it whole", [] { return texts_cut(true); }, {}},
                 {"nothing is seen", &nothing_seen, {Severity::warning}},
                 {"all answers came", [] { return Scenario().saw(1, server, {sees_all()}).saw(1, activity, {}); }, {}},
                 {"it failed once, and was seen since", &seen_again, {}},
                 {"the server is not reached at all: another check says so", &no_contact, {}}},
};

}  // namespace pgvigil
