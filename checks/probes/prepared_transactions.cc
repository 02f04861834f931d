#include "checks/probes/prepared_transactions.h"

namespace pgvigil {
namespace {

constexpr std::string_view sql = R"(
select p.gid as gid,
       coalesce(p.database::text, '') as database,
       coalesce(p.owner::text, '') as owner,
       p.transaction::text as transaction,
       pg_catalog.age(p.transaction)::bigint as xid_age,
       greatest(extract(epoch from pg_catalog.clock_timestamp() - p.prepared), 0)::float8 as age
from pg_catalog.pg_prepared_xacts p
order by p.prepared, p.gid
limit 200
)";

}  // namespace

const Probe<PreparedTransaction> prepared_transactions{
    {.id = "prepared_transactions",
     .title = "Prepared transactions",
     .sql = {{130000, sql}},
     .metrics = {{"pgvigil_prepared_transactions",
                  "Two-phase transactions that are prepared and not ended",
                  MetricKind::gauge,
                  "",
                  {{"datname", "database"}}}}},
    {{"gid", &PreparedTransaction::gid},
     {"database", &PreparedTransaction::database},
     {"owner", &PreparedTransaction::owner},
     {"transaction", &PreparedTransaction::transaction},
     {"xid_age", &PreparedTransaction::xid_age},
     {"age", &PreparedTransaction::age}},
    [](const PreparedTransaction& p) { return p.gid; }};

}  // namespace pgvigil
