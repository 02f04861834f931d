#include "checks/probes/slots.h"

namespace pgvigil {
namespace {

constexpr std::string_view sql = R"(
select s.slot_name::text as name,
       coalesce(s.slot_type, '') as type,
       coalesce(s.plugin::text, '') as plugin,
       coalesce(s.database::text, '') as database,
       s.active,
       s.temporary,
       case when s.restart_lsn is not null
            then greatest(pg_catalog.pg_wal_lsn_diff(n.lsn, s.restart_lsn), 0) end::bigint as retained,
       coalesce(s.wal_status, '') as wal_status,
       s.safe_wal_size::bigint as safe_wal_size{inactive}
from pg_catalog.pg_replication_slots s,
     (select case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn()
                  else pg_catalog.pg_current_wal_lsn() end as lsn) n
order by retained desc nulls last, s.slot_name
limit 200
)";

std::string text(std::string_view inactive) {
  constexpr std::string_view mark = "{inactive}";
  return std::string(sql).replace(sql.find(mark), mark.size(), inactive);
}
const std::string sql_13 = text("");
const std::string sql_17 = text(R"(,
       case when s.inactive_since is not null
            then greatest(extract(epoch from pg_catalog.clock_timestamp() - s.inactive_since), 0) end::float8 as inactive_for)");

const std::vector<MetricLabel> labels{{"slot_name", "name"}, {"slot_type", "type"}};

}  // namespace

const Probe<Slot> slots{
    {.id = "slots",
     .title = "Replication slots",
     .sql = {{130000, sql_13}, {170000, sql_17}},
     .metrics = {{"pg_replication_slots_active", "1 while somebody reads the slot", MetricKind::gauge, "active",
                  labels},
                 {"pg_replication_slots_pg_wal_lsn_diff", "WAL that the slot keeps", MetricKind::gauge, "retained",
                  labels},
                 {"pg_replication_slots_safe_wal_size_bytes", "WAL that may be written before the slot is lost",
                  MetricKind::gauge, "safe_wal_size", labels}}},
    {{"name", &Slot::name},
     {"type", &Slot::type},
     {"plugin", &Slot::plugin},
     {"database", &Slot::database},
     {"active", &Slot::active},
     {"temporary", &Slot::temporary},
     {"retained", &Slot::retained},
     {"wal_status", &Slot::wal_status},
     {"safe_wal_size", &Slot::safe_wal_size},
     {"inactive_for", &Slot::inactive_for, 170000}},
    [](const Slot& s) { return s.name; }};

}  // namespace pgvigil
