#include "checks/probes/agents.h"

#include <algorithm>

namespace pgvigil {
namespace {

constexpr std::string_view sql = R"(
select a.pid::bigint as pid,
       a.pid = pg_catalog.pg_backend_pid() as self,
       extract(epoch from a.backend_start)::float8 as started,
       coalesce(greatest(extract(epoch from pg_catalog.clock_timestamp() - a.backend_start), 0), 0)::float8 as age,
       coalesce(pg_catalog.clock_timestamp() - a.state_change < interval '60 s', true) as alive
from pg_catalog.pg_stat_get_activity(null::int) a
where a.application_name = 'pgvigil'
order by a.backend_start, a.pid
limit 50
)";

}  // namespace

const Probe<AgentSession> agents{
    {.id = "agents",
     .title = "pgvigil's own agents on this server",
     .sql = {{130000, sql}},
     .on_denied = "GRANT pg_monitor TO pgvigil;",
     .metrics = {{"pgvigil_agent_sessions", "Sessions of pgvigil agents on this server", MetricKind::gauge, "", {}}}},
    {{"pid", &AgentSession::pid},
     {"self", &AgentSession::self},
     {"started", &AgentSession::started},
     {"age", &AgentSession::age},
     {"alive", &AgentSession::alive}},
    [](const AgentSession& a) { return std::to_string(a.pid); }};

std::optional<std::vector<AgentSession>> agents_seen(const History& history) {
  const Answer* newest = history.latest(agents);
  if (newest == nullptr || !newest->rows) return std::nullopt;
  return static_cast<const RowsOf<AgentSession>&>(*newest->rows).rows;
}

namespace {

bool is_other(const AgentSession& a, const OwnSessions& own) {
  return !a.self && a.alive && a.started && !own.contains({a.pid, *a.started});
}

}  // namespace

bool is_alone(const std::vector<AgentSession>& all, const OwnSessions& own) {
  return std::none_of(all.begin(), all.end(), [&](const AgentSession& a) { return is_other(a, own); });
}

const AgentSession* elder(const std::vector<AgentSession>& all, const OwnSessions& own) {
  const auto self = std::find_if(all.begin(), all.end(), [](const AgentSession& a) { return a.self; });
  if (self == all.end() || !self->started) return nullptr;
  const auto rank = [](const AgentSession& a) { return std::pair(*a.started, a.pid); };
  const AgentSession* first = nullptr;
  for (const AgentSession& a : all)
    if (is_other(a, own) && rank(a) < rank(*self) && (first == nullptr || rank(a) < rank(*first))) first = &a;
  return first;
}

}  // namespace pgvigil
