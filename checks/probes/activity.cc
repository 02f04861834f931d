#include "checks/probes/activity.h"

namespace pgvigil {
namespace {

// The query is passed through untouched: it holds whatever bytes the client sent, and most text functions raise on
// a bad one. A text that reaches within one character of the limit counts as cut. Sessions we may not see have no
// backend_type and no state. pg_blocking_pids takes every lock partition, so only waiters ask, and not all of many.
constexpr std::string_view sql = R"(
select s.pid::bigint as pid,
       s.leader_pid::bigint as leader_pid,
       coalesce(s.datname::text, '') as database,
       coalesce(s.usename::text, '') as "user",
       coalesce(s.application_name, '') as application,
       coalesce(pg_catalog.host(s.client_addr), case when s.backend_type = 'client backend' then 'local' else '' end) as client,
       greatest(coalesce(s.client_port, 0), 0)::bigint as client_port,
       coalesce(s.backend_type, '') as backend_type,
       coalesce(s.state, '') as state,
       coalesce(s.wait_event_type, '') as wait_event_type,
       coalesce(s.wait_event, '') as wait_event,
       {query_id} as query_id,
       s.query as query,
       greatest(extract(epoch from n.at - s.query_start), 0)::float8 as query_age,
       greatest(extract(epoch from n.at - s.xact_start), 0)::float8 as transaction_age,
       greatest(extract(epoch from n.at - s.state_change), 0)::float8 as state_age,
       coalesce(greatest(extract(epoch from n.at - s.backend_start), 0), 0)::float8 as backend_age,
       coalesce(extract(epoch from s.query_start), 0)::float8 as query_start,
       case when s.wait_event_type = 'Lock' and s.place <= 200 then pg_catalog.pg_blocking_pids(s.pid)::bigint[] end as blocked_by,
       coalesce(pg_catalog.octet_length(s.query)
         >= pg_catalog.pg_size_bytes(pg_catalog.current_setting('track_activity_query_size')) - 4, false) as truncated
from (select a.*, pg_catalog.row_number() over (partition by a.wait_event_type = 'Lock'
                                                order by (a.state = 'active') desc nulls last, a.query_start) as place
      from pg_catalog.pg_stat_activity a
      where a.pid <> pg_catalog.pg_backend_pid()
        and coalesce(a.application_name, '') not in ('pgvigil', 'pgvigil diagnose')
        and case when a.backend_type is null then a.datid is not null
                 when a.backend_type = 'client backend' then a.state is distinct from 'idle'
                 when a.backend_type = 'autovacuum worker' then true
                 else a.state <> 'idle' and a.wait_event_type is distinct from 'Activity' end) s,
     (select pg_catalog.clock_timestamp() as at) n
order by (s.state = 'active') desc nulls last, s.query_start
limit 500
)";

std::string text(std::string_view query_id) {
  constexpr std::string_view mark = "{query_id}";
  return std::string(sql).replace(sql.find(mark), mark.size(), query_id);
}
const std::string sql_13 = text("''");
const std::string sql_14 = text("coalesce(nullif(s.query_id, 0)::text, '')");

}  // namespace

const Probe<Session> activity{{.id = "activity",
                               .title = "Sessions that are not idle",
                               .cadence = Cadence::sample,
                               .timeout = Milliseconds(300),
                               .sql = {{130000, sql_13}, {140000, sql_14}},
                               .on_denied = "GRANT pg_monitor TO pgvigil;"},
                              {{"pid", &Session::pid},
                               {"leader_pid", &Session::leader_pid},
                               {"database", &Session::database},
                               {"user", &Session::user},
                               {"application", &Session::application},
                               {"client", &Session::client},
                               {"client_port", &Session::client_port},
                               {"backend_type", &Session::backend_type},
                               {"state", &Session::state},
                               {"wait_event_type", &Session::wait_event_type},
                               {"wait_event", &Session::wait_event},
                               {"query_id", &Session::query_id},
                               {"query", &Session::query},
                               {"query_age", &Session::query_age},
                               {"transaction_age", &Session::transaction_age},
                               {"state_age", &Session::state_age},
                               {"backend_age", &Session::backend_age},
                               {"query_start", &Session::query_start},
                               {"blocked_by", &Session::blocked_by},
                               {"truncated", &Session::truncated}},
                              [](const Session& s) { return std::to_string(s.pid); }};

}  // namespace pgvigil
