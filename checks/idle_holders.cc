#include "checks/idle_holders.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "checks/blocking_words.h"
#include "checks/plans/sql.h"
#include "checks/probes/connection_limits.h"
#include "checks/slots.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

// A fence around connections: the server's own, a role's or a database's.
struct Slots {
  std::string whose = {};  // " allowed to role app"
  double used = 0, all = 0;
  bool critical = false;
};

// The fullest of those that this application stands behind, where it is nearly full. A limit that somebody set is only
// met when the next one is refused.
std::optional<Slots> slots_of(const Input& in, const Session& s) {
  std::optional<Slots> fullest;
  const auto take = [&](Slots one, double from) {
    if (one.all > 0 && one.used >= from * one.all && (!fullest || one.used * fullest->all > fullest->used * one.all))
      fullest = std::move(one);
  };
  for (const Server& server : in.now(pgvigil::server)) {
    const double used = connections_used(in.now(connections)), all = connection_slots(server);
    take({"", used, all, used >= 0.95 * all}, in[idle_holders::nearly_full]);
  }
  for (const ConnectionLimit& l : in.now(connection_limits))
    if (l.name == (l.kind == "role" ? s.user : s.database))
      take({fmt::format(" allowed to {} {}", l.kind, words::one_line(l.name, 63)), static_cast<double>(l.used),
            static_cast<double>(l.limit)},
           1);
  return fullest;
}

}  // namespace

void describe_idle(const Session& s, Finding& f) {
  f.evidence.push_back({"idle session", fmt::format("{}, {}, transaction open for {}, from {}", who(s), what_it_does(s),
                                                    words::duration(s.transaction_age.value_or(0)),
                                                    s.client.empty() ? "?" : words::one_line(s.client, 63))});
  if (!s.query.empty()) f.evidence.push_back({"its last statement", words::one_line(s.query, 300)});
}

std::optional<Finding> holds_connections(const Input& in, const LeftOpen& all) {
  const Session& oldest = *all.front();
  const auto slots = slots_of(in, oldest);
  const auto n = static_cast<double>(all.size());
  if (!slots || n < in[idle_holders::held] * slots->all) return std::nullopt;
  Finding f;
  f.severity = slots->critical ? Severity::critical : Severity::warning;
  f.act_by = slots->critical ? ActBy::now : ActBy::today;
  f.object = {"role", sql::quote_identifier(oldest.user), oldest.database};
  f.sentence =
      fmt::format("{} of {} (role {}) sit idle in transaction and hold {} of {} connections{}, the longest for {}",
                  words::counted(n, "session"),
                  oldest.application.empty() ? "an unnamed application" : words::one_line(oldest.application, 63),
                  words::one_line(oldest.user, 63), words::count(n), words::count(slots->all), slots->whose,
                  words::duration(oldest.state_age.value_or(0)));
  f.confidence = Confidence::high;
  f.basis = "counted by the server; a session that waits for its client does no work";
  f.fix = "end the idle transactions of " + words::one_line(oldest.user, 63);
  if (!in.context().one_shot) f.since = after(in.at(), -oldest.state_age.value_or(0));
  f.evidence.push_back({"in use", fmt::format("{} of {}", words::count(slots->used), words::count(slots->all))});
  describe_idle(oldest, f);
  for (const Session* s : all) f.sessions.push_back(s->pid);
  const double many = std::min(n, std::max(1.0, std::ceil(slots->used - slots->all / 2)));
  Step end{
      .title = fmt::format("end the {} that are idle longest", words::counted(many, "session")),
      .database = oldest.database,
      .run_as = "superuser",
      .sql = fmt::format("SELECT pg_catalog.pg_terminate_backend(pid)\n  FROM (SELECT pid FROM "
                         "pg_catalog.pg_stat_activity\n         WHERE state LIKE 'idle in transaction%' AND usename "
                         "= {} AND application_name = {}\n         ORDER BY state_change LIMIT {:.0f}) AS idle;",
                         words::literal(oldest.user), words::literal(oldest.application), many)};
  end.relief = fmt::format("frees {}", words::counted(many, "connection"));
  end.duration = "at once";
  end.lock = "none";
  end.caution = "their transactions are rolled back; the application must be able to reconnect";
  f.remedies.push_back({Remedy::Kind::first_aid, "free connections", {std::move(end)}});
  f.remedies.push_back(limit_idle_transactions(oldest));
  return f;
}

}  // namespace pgvigil
