#include "checks/probes/database_ages.h"

namespace pgvigil {
namespace {

// txid_current_snapshot takes no transaction id.
constexpr std::string_view sql = R"(
select d.datname::text as database,
       pg_catalog.age(d.datfrozenxid)::bigint as xid_age,
       pg_catalog.mxid_age(d.datminmxid)::bigint as multixact_age,
       pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot())::bigint as next_xid,
       (select s.setting from pg_catalog.pg_settings s where s.name = 'autovacuum_freeze_max_age')::bigint as freeze_max_age,
       (select s.setting from pg_catalog.pg_settings s where s.name = 'autovacuum_multixact_freeze_max_age')::bigint
         as multixact_freeze_max_age,
       d.datallowconn as allows_connections
from pg_catalog.pg_database d
order by greatest(pg_catalog.age(d.datfrozenxid), pg_catalog.mxid_age(d.datminmxid)) desc, d.oid
limit 50
)";

const std::vector<MetricLabel> labels{{"datname", "database"}};

}  // namespace

const Probe<DatabaseAge> database_ages{
    {.id = "database_ages",
     .title = "Transaction id age of each database",
     .cadence = Cadence::sweep,
     .sql = {{130000, sql}},
     .metrics = {{"pgvigil_database_xid_age", "Transactions since the oldest row that is not frozen", MetricKind::gauge,
                  "xid_age", labels},
                 {"pgvigil_database_multixact_age", "Multixacts since the oldest that is still referred to",
                  MetricKind::gauge, "multixact_age", labels}}},
    {{"database", &DatabaseAge::database},
     {"xid_age", &DatabaseAge::xid_age},
     {"multixact_age", &DatabaseAge::multixact_age},
     {"next_xid", &DatabaseAge::next_xid},
     {"freeze_max_age", &DatabaseAge::freeze_max_age},
     {"multixact_freeze_max_age", &DatabaseAge::multixact_freeze_max_age},
     {"allows_connections", &DatabaseAge::allows_connections}},
    [](const DatabaseAge& a) { return a.database; }};

}  // namespace pgvigil
