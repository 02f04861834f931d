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
