#include "checks/probes/connections.h"

#include <fmt/format.h>

namespace pgvigil {
namespace {

// The sum is complete: the 400 largest groups stand alone, the rest is folded by database, user and state.
// Sessions hidden from us have no backend_type; those with a database are counted too.
constexpr std::string_view sql = R"(
with g as (
  select coalesce(a.datname::text, '') as database, coalesce(a.usename::text, '') as "user",
         coalesce(a.application_name, '') as application,
         coalesce(pg_catalog.host(a.client_addr), case when a.backend_type is null then '' else 'local' end) as client,
         coalesce(a.state, '') as state, coalesce(a.wait_event_type, '') as wait_event_type,
         coalesce(a.wait_event, '') as wait_event, pg_catalog.count(*) as n,
         pg_catalog.max(extract(epoch from pg_catalog.clock_timestamp() - a.xact_start)) as age
  from pg_catalog.pg_stat_activity a
  where a.backend_type = 'client backend' or (a.backend_type is null and a.datid is not null)
  group by 1, 2, 3, 4, 5, 6, 7),
r as (select g.*, pg_catalog.row_number() over (order by n desc, age desc nulls last) > 400 as small from g)
select database, "user",
       case when small then 'other' else application end as application,
       case when small then '' else client end as client,
       state,
       case when small then '' else wait_event_type end as wait_event_type,
       case when small then '' else wait_event end as wait_event,
       pg_catalog.sum(n)::bigint as count,
       pg_catalog.max(age)::float8 as max_transaction_age
from r
group by 1, 2, 3, 4, 5, 6, 7
order by count desc
limit 2000
)";

}  // namespace

const Probe<ConnectionGroup> connections{{.id = "connections",
                                          .title = "Client connections by who holds them",
                                          .sql = {{130000, sql}},
                                          .on_denied = "GRANT pg_monitor TO pgvigil;",
                                          .metrics = {{"pg_stat_activity_count",
                                                       "Client connections in this state",
                                                       MetricKind::gauge,
                                                       "count",
                                                       {{"datname", "database"},
                                                        {"state", "state"},
                                                        {"usename", "user"},
                                                        {"application_name", "application"},
                                                        {"wait_event_type", "wait_event_type"},
                                                        {"wait_event", "wait_event"}}},
                                                      {"pg_stat_activity_max_tx_duration",
                                                       "Seconds since the oldest transaction in this state began",
                                                       MetricKind::gauge,
                                                       "max_transaction_age",
                                                       {{"datname", "database"},
                                                        {"state", "state"},
                                                        {"usename", "user"},
                                                        {"application_name", "application"},
                                                        {"wait_event_type", "wait_event_type"},
                                                        {"wait_event", "wait_event"}}}}},
                                         {{"database", &ConnectionGroup::database},
                                          {"user", &ConnectionGroup::user},
                                          {"application", &ConnectionGroup::application},
                                          {"client", &ConnectionGroup::client},
                                          {"state", &ConnectionGroup::state},
                                          {"wait_event_type", &ConnectionGroup::wait_event_type},
                                          {"wait_event", &ConnectionGroup::wait_event},
                                          {"count", &ConnectionGroup::count},
                                          {"max_transaction_age", &ConnectionGroup::max_transaction_age}},
                                         [](const ConnectionGroup& g) {
                                           return fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}", g.database, g.user,
                                                              g.application, g.client, g.state, g.wait_event_type,
                                                              g.wait_event);
                                         }};

}  // namespace pgvigil
