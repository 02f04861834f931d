#include <fmt/format.h>

#include <algorithm>

#include "checks/check.h"
#include "checks/plans/sql.h"
#include "checks/probes/databases.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Count> warn{"warn", 30, "sessions that end badly in a minute, from which it warns"};
constexpr Setting<Ratio> above{"above", 3, "how many times the rate before that must be"};
constexpr Setting<Count> least{"least", 5, "so many must have been seen"};
constexpr Setting<Seconds> window{"window", 60, "the rate is taken over this time"};
constexpr Setting<Seconds> past{"past", 15 * 60, "the rate before is taken over this time"};

struct Ends {
  double abandoned = 0, fatal = 0, killed = 0, seconds = 0;
  double all() const { return abandoned + fatal + killed; }
  double per_minute() const { return seconds > 0 ? 60 * all() / seconds : 0; }
};

// What was added between two answers; a database that is new, or was reset, adds nothing.
Ends between(const Snapshot<Database>& from, const Snapshot<Database>& to, std::string* most = nullptr) {
  Ends out;
  out.seconds = seconds_between(from.at, to.at);
  double top = 0;
  for (const Database& now : to.rows)
    for (const Database& then : from.rows) {
      if (then.oid != now.oid || then.name != now.name) continue;
      const auto more = [&](std::optional<std::int64_t> Database::*m) {
        return now.*m && then.*m ? std::max<double>(0, static_cast<double>(*(now.*m) - *(then.*m))) : 0;
      };
      const Ends e{more(&Database::sessions_abandoned), more(&Database::sessions_fatal),
                   more(&Database::sessions_killed), 0};
      out.abandoned += e.abandoned;
      out.fatal += e.fatal;
      out.killed += e.killed;
      if (most != nullptr && e.all() > top) top = e.all(), *most = now.name;
    }
  return out;
}

struct Seen {
  Ends now;
  std::optional<double> before;  // per minute
  std::string database;
};

std::optional<Seen> seen(const Input& in) {
  const auto all = in.series(databases, in[past]);
  if (all.size() < 2 || all.back().rows.empty() || !all.back().rows.front().sessions) return std::nullopt;
  const Snapshot<Database>* edge = &all.front();  // the window's begin
  for (const auto& s : all)
    if (&s != &all.back() && seconds_between(s.at, in.at()) >= in[window]) edge = &s;
  Seen out;
  out.now = between(*edge, all.back(), &out.database);
  if (edge != &all.front() && seconds_between(all.front().at, edge->at) >= 60)
    out.before = between(all.front(), *edge).per_minute();
  return out;
}

std::vector<Finding> evaluate(const Input& in) {
  const auto s = seen(in);
  if (!s || s->now.all() < in[least] || s->now.per_minute() < in[warn] ||
      s->now.per_minute() < in[above] * s->before.value_or(0))
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
  return fmt::format("{} ended badly in {}", words::counted(s->now.all(), "session"), words::duration(s->now.seconds));
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
    .settings = {warn, above, least, window, past},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"ninety a minute, before hardly any", [] { return ends(600, 0, 15); }, {Severity::warning}},
                 {"sixty a minute, seen for the first time", [] { return ends(10, 0, 10); }, {Severity::warning}},
                 {"ninety a minute, as always", [] { return ends(600, 14, 15); }, {}},
                 {"two a minute", [] { return ends(600, 0, 0); }, {}},
                 {"before 14 nobody counts", [] { return ends(600, 0, 15, false); }, {}}},
};

}  // namespace pgvigil
