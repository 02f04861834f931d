#include "checks/probes/statements_info.h"

namespace pgvigil {
namespace {

constexpr std::string_view since_14 = R"(
select pg_catalog.current_setting('pg_stat_statements.max')::bigint as most, dealloc::bigint as evicted
from {extension_schema}.pg_stat_statements_info
limit 1
)";
constexpr std::string_view since_13 = R"(
select pg_catalog.current_setting('pg_stat_statements.max')::bigint as most, null::bigint as evicted
limit 1
)";

}  // namespace

const Probe<StatementsInfo> statements_info{
    {.id = "statements_info",
     .title = "Room in pg_stat_statements",
     .cadence = Cadence::sweep,
     .timeout = Milliseconds(200),
     .sql = {{130000, since_13}, {140000, since_14}},
     .requires_extension = "pg_stat_statements",
     .on_denied = "GRANT USAGE ON SCHEMA of pg_stat_statements TO pgvigil; GRANT pg_monitor TO pgvigil;",
     .metrics = {{"pgvigil_statements_evictions_total",
                  "Times that pg_stat_statements dropped its least used entries",
                  MetricKind::counter,
                  "evicted",
                  {}}}},
    {{"most", &StatementsInfo::most}, {"evicted", &StatementsInfo::evicted}},
    [](const StatementsInfo&) { return std::string("server"); }};

}  // namespace pgvigil
