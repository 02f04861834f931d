#include <fmt/format.h>

#include <algorithm>

#include "checks/check.h"
#include "checks/plans/sql.h"
#include "checks/probes/databases.h"
#include "checks/probes/timeouts.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Count> warn{"warn", 30, "sessions that end badly in a minute, from which it warns"};
constexpr Setting<Ratio> above{"above", 3, "how many times the rate before that must be"};
constexpr Setting<Count> known{"known", 100, "sessions that the server must have counted for their share to be usual"};
constexpr Setting<Count> least{"least", 5, "so many must have been seen"};
constexpr Setting<Seconds> window{"window", 60, "the rate is taken over this time"};
constexpr Setting<Seconds> past{"past", 15 * 60, "the rate before is taken over this time"};

struct Ends {
  double abandoned = 0, fatal = 0, killed = 0, seconds = 0;
  double reaped = 0;  // as fatal, where idle_session_timeout ends sessions by design
  double sessions = 0;
  double all() const { return abandoned + fatal + killed; }
  double per_minute() const { return seconds > 0 ? 60 * all() / seconds : 0; }
  double share() const { return sessions > 0 ? all() / sessions : 0; }
};

// The timeout that ends idle sessions of this database. The server counts their ends with those by an error.
const Timeout* reaper(const Input& in, const std::string& database) {
  for (const Timeout& t : in.now(timeouts))
    if (t.setting == "idle_session_timeout" && t.seconds > 0 && (t.database.empty() || t.database == database))
      return &t;
  return nullptr;
}

Ends counted(const Input& in, const Database& now, const Database* then) {
  const auto more = [&](std::optional<std::int64_t> Database::*m) {
    const std::int64_t before = then == nullptr ? 0 : (then->*m).value_or(now.*m ? *(now.*m) : 0);
    return now.*m ? std::max<double>(0, static_cast<double>(*(now.*m) - before)) : 0;
  };
  Ends e;
  e.abandoned = more(&Database::sessions_abandoned);
  (reaper(in, now.name) == nullptr ? e.fatal : e.reaped) = more(&Database::sessions_fatal);
  e.killed = more(&Database::sessions_killed);
  e.sessions = more(&Database::sessions);
  return e;
}

// What was added between two answers; a database that is new, or was reset, adds nothing.
Ends between(const Input& in, const Snapshot<Database>& from, const Snapshot<Database>& to,
             std::string* most = nullptr) {
  Ends out;
  out.seconds = seconds_between(from.at, to.at);
  double top = 0;
  for (const Database& now : to.rows)
    for (const Database& then : from.rows) {
      if (then.oid != now.oid || then.name != now.name) continue;
      const Ends e = counted(in, now, &then);
      out.abandoned += e.abandoned;
      out.fatal += e.fatal;
      out.killed += e.killed;
      out.reaped += e.reaped;
      out.sessions += e.sessions;
      if (most != nullptr && e.all() > top) top = e.all(), *most = now.name;
    }
  return out;
}

struct Seen {
  Ends now;
  std::optional<double> before;  // per minute
  double usual_share = 0;        // of all sessions since the counters began, those that ended badly
  std::string database;
};

std::optional<Seen> seen(const Input& in) {
  const auto all = in.series(databases, in[past]);
  if (all.size() < 2 || all.back().rows.empty() || !all.back().rows.front().sessions) return std::nullopt;
  const Snapshot<Database>* edge = &all.front();  // the window's begin
  for (const auto& s : all)
    if (&s != &all.back() && seconds_between(s.at, in.at()) >= in[window]) edge = &s;
  Seen out;
  out.now = between(in, *edge, all.back(), &out.database);
  Ends ever;
  for (const Database& d : edge->rows) {
    const Ends e = counted(in, d, nullptr);
    ever.abandoned += e.abandoned, ever.fatal += e.fatal, ever.killed += e.killed, ever.sessions += e.sessions;
  }
  if (ever.sessions >= in[known]) out.usual_share = ever.share();
  if (edge != &all.front() && seconds_between(all.front().at, edge->at) >= 60)
    out.before = between(in, all.front(), *edge).per_minute();
  return out;
}

std::vector<Finding> evaluate(const Input& in) {
  const auto s = seen(in);
  if (!s || s->now.all() < in[least] || s->now.per_minute() < in[warn] ||
      s->now.per_minute() < in[above] * s->before.value_or(0) ||
      (!s->before && s->now.share() < in[above] * s->usual_share))
    return {};
  Finding f;
  f.role = Role::symptom;
  f.severity = Severity::warning;
  f.act_by = ActBy::today;
  f.object = {"database", sql::quote_identifier(s->database)};
  f.sentence = fmt::format("{} a minute end badly, most of them in database {}",
                           words::counted(s->now.per_minute(), "session"), words::one_line(s->database, 63));
  if (s->now.abandoned > 0)
    f.evidence.push_back({"abandoned by their client",
                          words::count(s->now.abandoned) + ": it crashed, gave up, or the network between cut it off"});
  if (s->now.fatal > 0)
    f.evidence.push_back({"ended by an error", words::count(s->now.fatal) + ": the server's log has it as FATAL"});
  if (s->now.killed > 0)
    f.evidence.push_back({"ended by an operator", words::count(s->now.killed) + ": pg_terminate_backend"});
  f.evidence.push_back({"over", words::duration(s->now.seconds)});
  if (s->before) f.evidence.push_back({"before", words::number(*s->before) + " a minute"});
  f.confidence = s->before ? Confidence::high : Confidence::medium;
  f.basis = s->before ? "counted by the server, now and before"
                      : "counted by the server; what is usual here has not been seen";
  return {std::move(f)};
}

std::string fine(const Input& in) {
  const auto s = seen(in);
  if (!s) return {};
  std::string text =
      fmt::format("{} ended badly in {}", words::counted(s->now.all(), "session"), words::duration(s->now.seconds));
  if (s->now.reaped > 0) text += fmt::format("; {} more by idle_session_timeout, as set", words::count(s->now.reaped));
  return text;
}

// Sessions of a tool that leaves them open.
Scenario reaped(double limit) {
  Scenario out;
  for (double ago = 50; ago >= 0; ago -= 10) {
    Database d;
    d.name = "shop", d.oid = 5, d.sessions = 5000, d.sessions_abandoned = d.sessions_killed = 0;
    d.sessions_fatal = static_cast<std::int64_t>(10 * (50 - ago));
    out.saw(ago, databases, {d});
  }
  Timeout t;
  t.setting = "idle_session_timeout", t.layer = "role", t.role = "cron", t.seconds = limit;
  return out.saw(0, timeouts, {t});
}

// Every ten seconds for `seconds`; per answer `each` are abandoned, in the last minute `now`.
Scenario ends(double seconds, std::int64_t each, std::int64_t now, bool counted = true) {
  Scenario out;
  std::int64_t n = 100;
  for (double ago = seconds; ago >= 0; ago -= 10) {
    Database d;
    d.name = "shop";
    d.oid = 5;
    if (counted) {
      d.sessions = 1000 + n;
      d.sessions_abandoned = n;
      d.sessions_fatal = d.sessions_killed = 0;
    }
    out.saw(ago, databases, {d});
    n += ago <= 60 ? now : each;
  }
  return out;
}

}  // namespace

extern const Check sessions_abandoned;
const Check sessions_abandoned{
    .id = "sessions_abandoned",
    .title = "Sessions end badly",
    .why = "Clients crash, give up or are cut off; what they had begun is lost, and most of them try again.",
    .role = Role::symptom,
    .reads = {databases},
    .may_read = {timeouts},
    .settings = {warn, above, known, least, window, past},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"ninety a minute, before hardly any", [] { return ends(600, 0, 15); }, {Severity::warning}},
                 {"sixty a minute, seen for the first time", [] { return ends(10, 0, 10); }, {Severity::warning}},
                 {"ninety a minute, as always", [] { return ends(600, 14, 15); }, {}},
                 {"idle_session_timeout ends six hundred a minute", [] { return reaped(2); }, {}},
                 {"errors end six hundred a minute", [] { return reaped(0); }, {Severity::warning}},
                 {"sixty of sixty a minute, of all sessions before a half",
                  [] {
                    Scenario s;
                    for (const int ago : {10, 0}) {
                      Database d;
                      d.name = "shop", d.oid = 5, d.sessions = 1000 - ago;
                      d.sessions_abandoned = 500 - ago, d.sessions_fatal = d.sessions_killed = 0;
                      s.saw(ago, databases, {d});
                    }
                    return s;
                  },
                  {}},
                 {"two a minute", [] { return ends(600, 0, 0); }, {}},
                 {"before 14 nobody counts", [] { return ends(600, 0, 15, false); }, {}}},
};

}  // namespace pgvigil
