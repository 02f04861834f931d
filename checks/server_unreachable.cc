#include <fmt/format.h>

#include <algorithm>

#include "checks/check.h"
#include "checks/probes/server.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Count> failures{"failures", 2, "attempts in a row that failed; a one-shot run needs only one"};

struct Kind {
  std::string_view sentence, advice;
  Severity severity = Severity::critical;
  ActBy act_by = ActBy::now;
};

bool starts(std::string_view s, std::string_view with) { return s.starts_with(with); }

// Kinds are kept apart, for each has another person to call. None: the server answered, only not with what we asked.
std::optional<Kind> kind_of(const Failure& f) {
  const std::string_view code = f.sqlstate;
  const auto says = [&](std::string_view word) { return f.message.find(word) != std::string::npos; };
  // Locked out is not down: users may be served all the while.
  if (starts(code, "28"))
    return Kind{"refuses the agent's credentials", "check user, password and pg_hba.conf; the server itself answers",
                Severity::warning, ActBy::today};
  if (code == "3D000")
    return Kind{"has no database of the name the agent asks for",
                "check the database name in the connection string; the server itself answers", Severity::warning,
                ActBy::today};
  // The server has room; only we, or one database, have not.
  if (code == "53300" && says("for role"))
    return Kind{"lets no more sessions of the agent's role in", "raise the role's CONNECTION LIMIT", Severity::warning,
                ActBy::today};
  if (code == "53300" && says("for database"))
    return Kind{"lets no more sessions into the database", "end idle sessions there, or raise its CONNECTION LIMIT"};
  if (code == "53300")
    return Kind{"has no connection slot left",
                "connect as a superuser (slots are reserved) and end idle sessions of the application that holds most"};
  if (code == "57P03" && says("shutting down"))
    return Kind{"is shutting down", "find out who stops it, and whether the shutdown waits for sessions"};
  if (code == "57P03")
    return Kind{"is starting up or recovering",
                "read the server's log for the progress of recovery; killing it starts recovery over again"};
  if (code == "57P01" || code == "57P02")
    return Kind{"ended the agent's session",
                "read the server's log: a shutdown, or a crash of one process that restarts all"};
  if (code == "PGV01" || code == "57014" || (code == "PGV03" && says("not reached")))
    return Kind{"does not answer in time",
                "look at the host: memory, disk and CPU; a process that hangs holds the connection open"};
  if (starts(code, "53")) return Kind{"has run out of a resource", "look at the host: memory and disk"};
  if (code == "42501" && says("cannot connect"))
    return Kind{"refuses the agent's credentials", "check the role's right to connect; the server itself answers",
                Severity::warning, ActBy::today};
  if (starts(code, "08")) {
    if (says("resolve") || says("translate host name") || says("Host not found"))
      return Kind{"cannot be found: its name does not resolve", "check the host name and DNS"};
    if (says("efused"))
      return Kind{"refuses connections",
                  "check that the process runs and listens on this address and port (listen_addresses, firewall)"};
    if (says("password") || says("authentication") || says("certificate") || says("SSL"))
      return Kind{"and the agent do not agree on credentials or TLS",
                  "check user, password, sslmode and certificates; the server itself answers", Severity::warning,
                  ActBy::today};
    return Kind{"cannot be reached", "check that the server runs, its address and port, and the network between"};
  }
  return std::nullopt;
}

std::optional<Kind> kind_of(const Answer& a) {
  if (a.rows || a.failures.empty()) return std::nullopt;
  return kind_of(a.failures.front());
}

Step by_a_superuser(std::string title, std::string sql) {
  return {.title = std::move(title), .database = "postgres", .run_as = "superuser", .sql = std::move(sql)};
}

// A superuser gets in where the others do not: some slots are kept. Behind a limit of the role or the database the
// server itself has room.
std::vector<Remedy> make_room(const Failure& why) {
  Remedy aid{Remedy::Kind::first_aid, "see who holds the connections and end what is idle", {}};
  aid.steps.push_back(by_a_superuser("who holds the connections",
                                     "SELECT usename, application_name, client_addr, state, count(*)\n  FROM "
                                     "pg_stat_activity\n WHERE backend_type = 'client backend'\n GROUP BY 1, 2, 3, 4 "
                                     "ORDER BY 5 DESC;"));
  aid.steps.back().lock = "none";
  Step end =
      by_a_superuser("end the sessions that have been idle longest, half of them",
                     "SELECT pg_terminate_backend(pid)\n  FROM (SELECT pid, ntile(2) OVER (ORDER BY state_change) "
                     "AS half\n          FROM pg_stat_activity\n         WHERE backend_type = 'client backend' AND "
                     "state LIKE 'idle%'\n           AND pid <> pg_backend_pid()) AS idle\n WHERE half = 1;");
  end.relief = "frees connections";
  end.duration = "at once";
  end.lock = "none";
  end.caution = "open transactions among them are rolled back; the applications must be able to reconnect";
  const bool of_role = why.message.find("for role") != std::string::npos;
  const bool of_database = why.message.find("for database") != std::string::npos;
  if (!of_role) aid.steps.push_back(std::move(end));
  Remedy cure{Remedy::Kind::cure,
              of_role ? "raise the role's CONNECTION LIMIT (ALTER ROLE ... CONNECTION LIMIT n)"
              : of_database
                  ? "raise the database's CONNECTION LIMIT (ALTER DATABASE ... CONNECTION LIMIT n)"
                  : "bound what the applications open (pool sizes, a pooler); raising max_connections needs a "
                    "restart. So that pgvigil gets in: on 16 and later set reserved_connections and GRANT "
                    "pg_use_reserved_connections to its role; a `pgvigil run` that started before holds its place",
              {}};
  return {std::move(aid), std::move(cure)};
}

std::vector<Finding> evaluate(const Input& in) {
  const auto& series = in.history().series(server);
  std::size_t failed = 0;
  for (auto it = series.rbegin(); it != series.rend() && kind_of(*it); ++it) ++failed;
  const double needed = in.context().one_shot ? std::min(in[failures], 1.0) : in[failures];
  if (failed == 0 || static_cast<double>(failed) < needed) return {};

  const Answer& last = series.back();
  const Kind kind = *kind_of(last);
  const Failure& why = last.failures.front();
  Finding f;
  f.role = Role::cause;
  f.severity = kind.severity;
  f.act_by = kind.act_by;
  f.object = {"server", in.context().target};
  f.since = series[series.size() - failed].at;
  f.sentence = fmt::format("the server {}", kind.sentence);
  f.evidence.push_back({"message", words::one_line(why.message, 300)});
  if (!why.sqlstate.empty() && !starts(why.sqlstate, "PGV"))
    f.evidence.push_back({"SQLSTATE", words::one_line(why.sqlstate, 5)});
  f.evidence.push_back({"failed attempts", words::count(static_cast<double>(failed))});
  if (failed < series.size()) {
    const double ago = seconds_between(series[series.size() - failed - 1].at, in.at());
    f.evidence.push_back({"last answer", words::duration(ago) + " ago"});
  }
  f.confidence = failed > 1 ? Confidence::high : Confidence::medium;
  f.basis = failed > 1 ? "every attempt since then failed" : "one attempt";
  std::string aid(why.mend.empty() ? kind.advice : std::string_view(why.mend));
  if (why.sqlstate == "53300")
    f.remedies = make_room(why);
  else
    f.remedies = {{Remedy::Kind::first_aid, std::move(aid), {}}};
  return {std::move(f)};
}

Scenario after(const char* code, const char* message, int times, bool one_shot = false) {
  Scenario s;
  s.context.one_shot = one_shot;
  if (!one_shot) s.saw(60, server, {Server()});
  for (int i = times; i > 0; --i) s.failed(i * 10, server, {.sqlstate = code, .message = message});
  return s;
}

}  // namespace

extern const Check server_unreachable;
const Check server_unreachable{
    .id = "server_unreachable",
    .title = "The server cannot be reached",
    .why = "Nobody is served, or the agent is blind: either way nothing else said about this server is up to date.",
    .role = Role::cause,
    .explains = {"connections_saturated", "connections_rising", "queries_timing_out", "cpu_saturated",
                 "load_above_cores", "work_without_results", "pool_pinned"},
    .settings = {failures},
    .evaluate = evaluate,
    .examples = {{"connections refused twice",
                  [] { return after("08001", "cannot connect to db:5432: Connection refused", 2); },
                  {Severity::critical}},
                 {"out of slots",
                  [] { return after("53300", "sorry, too many clients already", 2); },
                  {Severity::critical}},
                 {"the role's own limit is reached",
                  [] { return after("53300", "too many connections for role \"pgvigil\"", 2); },
                  {Severity::warning}},
                 {"in recovery, seen by a one-shot run",
                  [] { return after("57P03", "the database system is starting up", 1, true); },
                  {Severity::critical}},
                 {"a wrong password: the server is up",
                  [] { return after("28P01", "password authentication failed for user \"pgvigil\"", 3); },
                  {Severity::warning}},
                 {"hangs before our question is reached",
                  [] { return after("PGV03", "not reached: an earlier probe took the flight's time", 3); },
                  {Severity::critical}},
                 {"one attempt failed", [] { return after("PGV01", "cannot connect to db:5432: timed out", 1); }, {}},
                 {"the answer was refused, but it was an answer",
                  [] { return after("42501", "permission denied for function pg_ls_tmpdir", 3); },
                  {}},
                 {"it answers again",
                  [] {
                    Scenario s = after("08001", "cannot connect to db:5432: Connection refused", 5);
                    s.saw(1, server, {Server()});
                    return s;
                  },
                  {}}},
};

}  // namespace pgvigil
