#include "checks/probes/server_settings.h"

#include <fmt/format.h>

#include <charconv>

#include "checks/check.h"
#include "checks/probes/server.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

// Our own transaction sets limits, so the server's value is reset_val; what our role, our libpq or ALTER ROLE ALL sets
// would hide it from us: such names are left out. Names of text settings that can hold a password (connection strings,
// commands, keys) are not on the list of those whose value is shown; nor are settings that no loaded module knows.
constexpr std::string_view sql = R"(
with ours as (
  select distinct pg_catalog.lower(pg_catalog.split_part(c.item, '=', 1)) as name
  from pg_catalog.pg_db_role_setting s
  cross join lateral pg_catalog.unnest(s.setconfig) c (item)
  where s.setrole in (0, (select oid from pg_catalog.pg_roles where rolname = session_user))),
known as materialized (
  select p.name, p.reset_val, p.boot_val, p.unit, p.vartype, p.context, p.source, p.sourcefile, p.pending_restart,
         not (p.vartype in ('bool', 'integer', 'real', 'enum')
              or p.name in ('search_path', 'DateStyle', 'TimeZone', 'log_timezone', 'lc_messages', 'lc_monetary',
                            'lc_numeric', 'lc_time', 'shared_preload_libraries', 'session_preload_libraries',
                            'local_preload_libraries', 'listen_addresses', 'log_destination', 'log_line_prefix',
                            'default_tablespace', 'temp_tablespaces', 'synchronous_standby_names', 'cluster_name',
                            'default_text_search_config', 'default_table_access_method', 'primary_slot_name', 'role',
                            'io_method')) as hidden
  from pg_catalog.pg_settings p),
rows as (
  select 'server' as scope, '' as role, '' as database, k.name, coalesce(k.reset_val, '') as value,
         coalesce(k.unit, '') as unit, coalesce(k.boot_val, '') as boot, k.vartype as type,
         coalesce(pg_catalog.regexp_replace(k.sourcefile, '^.*/', ''), '') as file,
         k.context = 'postmaster' as needs_restart, k.pending_restart, k.hidden
  from known k
  where (k.reset_val is distinct from k.boot_val or k.pending_restart) and k.context <> 'internal'
    and k.source <> 'client' and k.name not in ('client_encoding', 'application_name')
    and k.name not like 'transaction\_%'
    and not exists (select from ours where ours.name = pg_catalog.lower(k.name))
  union all
  select case when s.setrole = 0 and s.setdatabase = 0 then 'all roles' when s.setdatabase = 0 then 'role'
              when s.setrole = 0 then 'database' else 'role in database' end,
         coalesce((select r.rolname::text from pg_catalog.pg_roles r where r.oid = s.setrole), ''),
         coalesce((select d.datname::text from pg_catalog.pg_database d where d.oid = s.setdatabase), ''),
         n.name, pg_catalog.substr(c.item, pg_catalog.strpos(c.item, '=') + 1), '', '', coalesce(k.vartype, ''), '',
         false, false, coalesce(k.hidden, true)
  from pg_catalog.pg_db_role_setting s
  cross join lateral pg_catalog.unnest(s.setconfig) c (item)
  cross join lateral (select pg_catalog.split_part(c.item, '=', 1) as name) n
  left join known k on pg_catalog.lower(k.name) = pg_catalog.lower(n.name))
select scope, role, database, name,
       case when hidden then 'hidden ' || (pg_catalog.hashtext(value) & 65535)::text
            else pg_catalog.left(value, 500) end as value,
       unit, case when hidden then '' else pg_catalog.left(boot, 500) end as boot, type, file, needs_restart,
       pending_restart, hidden
from rows
order by scope = 'server' desc, scope, role, database, name
limit 1000
)";

constexpr std::string_view digest = R"((
         select coalesce(pg_catalog.sum(pg_catalog.hashtext(p.name || '=' || coalesce(p.reset_val, '') || p.pending_restart::text)::bigint), 0)
         from all_settings p
         where (p.reset_val is distinct from p.boot_val or p.pending_restart) and p.source <> 'client'
           and p.name not in ('client_encoding', 'application_name'))::bigint
       + (select coalesce(pg_catalog.sum(pg_catalog.hashtext(s.setrole::text || ' ' || s.setdatabase::text || ' ' || s.setconfig::text)::bigint), 0)
          from pg_catalog.pg_db_role_setting s)::bigint)";

// Asked once, when the digest moves, and now and then besides.
std::vector<Request> plan(const Input& in) {
  std::vector<Request> ask{Request()};
  const Answer* last = in.history().latest(server_settings);
  if (in.now(server).empty()) return {};
  if (last == nullptr) return ask;
  const double age = seconds_between(last->at, in.at());
  const Intervals& every = in.context().intervals;
  if (age >= every.slow) return ask;
  if (!last->failures.empty()) return age >= every.sweep ? ask : std::vector<Request>();
  const std::int64_t now = in.now(server).front().settings_digest;
  std::optional<std::int64_t> then;
  for (const auto& answer : in.series(server, in.history().keep_seconds))
    if (answer.at <= last->at && !answer.rows.empty()) then = answer.rows.front().settings_digest;
  const bool newer = seconds_between(last->at, in.seen(server)->at) > 0;
  return newer && then != now ? ask : std::vector<Request>();
}

// The largest unit that leaves a whole number, as the server's SHOW.
std::string with_unit(std::int64_t n, std::string_view unit) {
  struct Step {
    std::string_view name;
    std::int64_t factor;
  };
  static constexpr Step memory[] = {{"B", 1}, {"kB", 1024}, {"MB", 1024}, {"GB", 1024}, {"TB", 1024}};
  static constexpr Step time[] = {{"us", 1}, {"ms", 1000}, {"s", 1000}, {"min", 60}, {"h", 60}, {"d", 24}};
  std::size_t digits = 0;
  while (digits < unit.size() && unit[digits] >= '0' && unit[digits] <= '9') ++digits;
  if (digits > 0) {
    std::int64_t many = 1;
    std::from_chars(unit.data(), unit.data() + digits, many);
    n *= many;
    unit.remove_prefix(digits);
  }
  for (const auto& steps : {std::span<const Step>(memory), std::span<const Step>(time)})
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].name != unit) continue;
      while (i + 1 < steps.size() && n != 0 && n % steps[i + 1].factor == 0) n /= steps[++i].factor;
      return fmt::format("{}{}", n, steps[i].name);
    }
  return fmt::format("{}{}", n, unit);
}

}  // namespace

std::string_view settings_digest_sql() { return digest; }

std::string in_words(const ServerSetting& s, const std::string& value) {
  if (s.hidden) return "(not shown)";
  if (value.empty()) return "''";
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), n);
  const bool whole = error == std::errc() && end == value.data() + value.size();
  if (!whole || s.unit.empty() || n <= 0 || n > (std::int64_t{1} << 50)) return words::one_line(value, 80);
  return with_unit(n, s.unit);
}

std::string in_words(const ServerSetting& s) { return in_words(s, s.value); }

std::string owner_of(const ServerSetting& s) {
  if (s.scope == "server") return "";
  if (s.scope == "all roles") return " of all roles";
  std::string text;
  if (!s.role.empty()) text += " of role " + words::one_line(s.role, 63);
  if (!s.database.empty())
    text += (s.role.empty() ? " of database " : " in database ") + words::one_line(s.database, 63);
  return text;
}

const Probe<ServerSetting> server_settings{
    {.id = "server_settings",
     .title = "Settings that differ from PostgreSQL's own",
     .cadence = Cadence::slow,
     .sql = {{130000, sql}},
     .plan = plan,
     .wave = 2},
    {{"scope", &ServerSetting::scope},
     {"role", &ServerSetting::role},
     {"database", &ServerSetting::database},
     {"name", &ServerSetting::name},
     {"value", &ServerSetting::value},
     {"unit", &ServerSetting::unit},
     {"boot", &ServerSetting::boot},
     {"type", &ServerSetting::type},
     {"file", &ServerSetting::file},
     {"needs_restart", &ServerSetting::needs_restart},
     {"pending_restart", &ServerSetting::pending_restart},
     {"hidden", &ServerSetting::hidden}},
    [](const ServerSetting& s) { return s.scope + "\n" + s.role + "\n" + s.database + "\n" + s.name; }};

}  // namespace pgvigil
