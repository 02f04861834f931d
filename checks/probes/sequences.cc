#include "checks/probes/sequences.h"

namespace pgvigil {
namespace {

// Reading a sequence opens it and keeps a lock until the transaction ends: at most 200 of them, those first that
// are used most, by the pages read of them. One that somebody is changing is passed over. What a
// sequence feeds is a column that owns it or has it as its default: a smaller type than the sequence's ends first. What
// counts is how much of its own range it has used, which may begin anywhere and end before the type does.
// Rows: those that have used half, and one without a name that says how many were looked at. A key that no sequence
// feeds is known by the highest value in its statistics.
constexpr std::string_view sql = R"(
with picked as materialized (
  select s.seqrelid, s.seqincrement, s.seqmin, s.seqmax, s.seqtypid, c.relname, c.relnamespace, c.relowner
  from pg_catalog.pg_sequence s
  join pg_catalog.pg_class c on c.oid = s.seqrelid
  where not s.seqcycle
    and (c.relpersistence = 'p' or (c.relpersistence = 'u' and not pg_catalog.pg_is_in_recovery()))
  order by pg_catalog.pg_stat_get_blocks_fetched(s.seqrelid) desc, s.seqmax, s.seqrelid
  limit 200),
fed as materialized (
  select d.objid as seq, d.refobjid as rel, d.refobjsubid as col
  from picked
  join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_class'::regclass and d.objid = picked.seqrelid
  where d.refclassid = 'pg_catalog.pg_class'::regclass and d.deptype in ('a', 'i') and d.refobjsubid > 0
  union
  select d.refobjid, f.adrelid, f.adnum
  from picked
  join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = picked.seqrelid
  join pg_catalog.pg_attrdef f on f.oid = d.objid
  where d.classid = 'pg_catalog.pg_attrdef'::regclass),
typed as materialized (
  select w.*, coalesce(w.of_type < w.own, false) as narrow, least(w.own, w.of_type) as top
  from (select s.*, f.rel, f.col, coalesce(a.atttypid, s.seqtypid) as type, coalesce(a.atttypmod, -1) as modifier,
               case when s.seqincrement < 0 then -s.seqmin::float8 else s.seqmax::float8 end as own,
               case coalesce(a.atttypid, s.seqtypid)
                 when 'int2'::regtype then 32767 when 'int4'::regtype then 2147483647 when 'int8'::regtype then 9223372036854775807
                 when 'numeric'::regtype then case when a.atttypmod >= 4 then
                   10 ^ (((a.atttypmod - 4) >> 16) - ((a.atttypmod - 4) & 2047))::float8 - 1 end end::float8 as of_type
        from picked s
        left join fed f on f.seq = s.seqrelid
        left join pg_catalog.pg_attribute a on a.attrelid = f.rel and a.attnum = f.col) w),
looked as materialized (
  select r.*, pg_catalog.has_sequence_privilege(r.seqrelid, 'select,usage') as allowed,
         case when pg_catalog.has_sequence_privilege(r.seqrelid, 'select,usage')
                   and not exists (select from pg_catalog.pg_locks l
                                   where l.locktype = 'relation' and l.relation = r.seqrelid
                                     and l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'))
              then pg_catalog.pg_sequence_last_value(r.seqrelid) end as last
  from typed r),
ranged as (
  select l.*, not l.narrow and l.top < coalesce(l.of_type, 9223372036854775807) as own_limit,
         greatest(case when l.seqincrement < 0 then -l.seqmax::float8 else l.seqmin::float8 end - 1, 0) as before
  from looked l),
counted as (
  select pg_catalog.count(distinct seqrelid)::bigint as looked_at,
         pg_catalog.count(distinct seqrelid) filter (where not allowed)::bigint as hidden,
         (select pg_catalog.count(*) from pg_catalog.pg_sequence where not seqcycle)::bigint as there_are
  from looked),
keys as materialized (
  select i.indexrelid, i.indrelid, a.attname, a.attnum, a.atttypid, c.reltuples
  from pg_catalog.unnest($1::text::oid[]) u (oid)
  join pg_catalog.pg_class c on c.oid = u.oid
  join pg_catalog.pg_index i on i.indrelid = c.oid
  join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
  where i.indisprimary and i.indnkeyatts = 1 and a.atttypid in ('int2'::regtype, 'int4'::regtype)
    and c.relkind = 'r' and c.reltuples >= 10000
    and not exists (select from looked l where l.rel = i.indrelid and l.col = a.attnum and l.last is not null)
  order by c.reltuples desc
  limit 100),
highest as (
  select k.*, p.bounds[pg_catalog.array_upper(p.bounds, 1)] as top_value
  from keys k
  join pg_catalog.pg_class c on c.oid = k.indrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  cross join lateral (select s.histogram_bounds::text::text[] as bounds from pg_catalog.pg_stats s
                      where s.schemaname = n.nspname and s.tablename = c.relname and s.attname = k.attname
                        and not s.inherited offset 0) p
  where p.bounds is not null)
select pg_catalog.current_database()::text as database,
       pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(l.relname) as name,
       coalesce(pg_catalog.quote_ident(tn.nspname) || '.' || pg_catalog.quote_ident(t.relname), '') as "table",
       coalesce(pg_catalog.quote_ident(a.attname), '') as "column",
       pg_catalog.pg_get_userbyid(case when l.own_limit then l.relowner else coalesce(t.relowner, l.relowner) end)::text as owner,
       pg_catalog.format_type(l.type, l.modifier) as type,
       true as is_sequence,
       l.own_limit,
       l.seqincrement < 0 as down,
       pg_catalog.abs(l.last::float8) as last,
       l.top as "limit",
       l.before,
       pg_catalog.abs(l.seqincrement::float8) as step,
       0::bigint as looked_at, 0::bigint as there_are, 0::bigint as hidden
from ranged l
join pg_catalog.pg_namespace n on n.oid = l.relnamespace
left join pg_catalog.pg_class t on t.oid = l.rel
left join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
left join pg_catalog.pg_attribute a on a.attrelid = l.rel and a.attnum = l.col
where l.last is not null and pg_catalog.sign(l.last) = pg_catalog.sign(l.seqincrement) and pg_catalog.abs(l.last::float8) - l.before >= (l.top - l.before) / 2
union all
select pg_catalog.current_database()::text,
       pg_catalog.quote_ident(xn.nspname) || '.' || pg_catalog.quote_ident(x.relname),
       pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname),
       pg_catalog.quote_ident(h.attname), pg_catalog.pg_get_userbyid(c.relowner)::text,
       pg_catalog.format_type(h.atttypid, null), false, false, false, h.top_value::float8,
       case h.atttypid when 'int2'::regtype then 32767 else 2147483647 end::float8, 0::float8, 1::float8, 0::bigint, 0::bigint, 0::bigint
from highest h
join pg_catalog.pg_class c on c.oid = h.indrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_class x on x.oid = h.indexrelid
join pg_catalog.pg_namespace xn on xn.oid = x.relnamespace
where h.top_value::float8 >= case h.atttypid when 'int2'::regtype then 32767 else 2147483647 end / 2
union all
select pg_catalog.current_database()::text, '', '', '', '', '', true, false, false, 0, 0, 0, 1, looked_at, there_are, hidden from counted
)";

}  // namespace

const Probe<SequenceUse> sequences{
    {.id = "sequences",
     .title = "Sequences and integer keys that are half used up",
     .scope = Scope::database,
     .cadence = Cadence::slow,
     .timeout = Milliseconds(2000),
     .sql = {{130000, sql}},
     .given = "tables"},
    {{"database", &SequenceUse::database},
     {"name", &SequenceUse::name},
     {"table", &SequenceUse::table},
     {"column", &SequenceUse::column},
     {"owner", &SequenceUse::owner},
     {"type", &SequenceUse::type},
     {"is_sequence", &SequenceUse::is_sequence},
     {"own_limit", &SequenceUse::own_limit},
     {"down", &SequenceUse::down},
     {"last", &SequenceUse::last},
     {"limit", &SequenceUse::limit},
     {"before", &SequenceUse::before},
     {"step", &SequenceUse::step},
     {"looked_at", &SequenceUse::looked_at},
     {"there_are", &SequenceUse::there_are},
     {"hidden", &SequenceUse::hidden}},
    [](const SequenceUse& s) { return s.database + "\n" + s.name + "\n" + s.table + "\n" + s.column; }};

}  // namespace pgvigil
