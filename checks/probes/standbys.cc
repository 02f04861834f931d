#include "checks/probes/standbys.h"

namespace pgvigil {
namespace {

constexpr std::string_view sql = R"(
select r.pid::bigint as pid,
       coalesce(r.application_name, '') as application,
       coalesce(r.usename::text, '') as "user",
       coalesce(pg_catalog.host(r.client_addr), 'local') as client,
       coalesce(r.state, '') as state,
       coalesce(r.sync_state, '') as sync_state,
       pg_catalog.pg_wal_lsn_diff(n.lsn, r.sent_lsn)::bigint as unsent,
       pg_catalog.pg_wal_lsn_diff(n.lsn, r.flush_lsn)::bigint as unflushed,
       pg_catalog.pg_wal_lsn_diff(n.lsn, r.replay_lsn)::bigint as unreplayed,
       case when r.reply_time is not null
            then greatest(extract(epoch from pg_catalog.clock_timestamp() - r.reply_time), 0) end::float8 as reply_age
from pg_catalog.pg_stat_replication r,
     (select case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn()
                  else pg_catalog.pg_current_wal_lsn() end as lsn) n
order by r.pid
limit 200
)";

const std::vector<MetricLabel> labels{{"application_name", "application"}, {"state", "state"}};

}  // namespace

const Probe<Standby> standbys{{.id = "standbys",
                               .title = "Receivers of this server's WAL",
                               .sql = {{130000, sql}},
                               .on_denied = "GRANT pg_monitor TO pgvigil;",
                               .metrics = {{"pgvigil_standby_unsent_bytes", "WAL not yet sent to this receiver",
                                            MetricKind::gauge, "unsent", labels},
                                           {"pgvigil_standby_unreplayed_bytes", "WAL not yet replayed by this receiver",
                                            MetricKind::gauge, "unreplayed", labels}}},
                              {{"pid", &Standby::pid},
                               {"application", &Standby::application},
                               {"user", &Standby::user},
                               {"client", &Standby::client},
                               {"state", &Standby::state},
                               {"sync_state", &Standby::sync_state},
                               {"unsent", &Standby::unsent},
                               {"unflushed", &Standby::unflushed},
                               {"unreplayed", &Standby::unreplayed},
                               {"reply_age", &Standby::reply_age}},
                              [](const Standby& s) { return std::to_string(s.pid); }};

}  // namespace pgvigil
