#include "checks/probes/statement_texts.h"

#include <algorithm>
#include <set>

#include "checks/check.h"
#include "checks/probes/statements.h"

namespace pgvigil {
namespace {

// Cut as bytes: left() raises on a text that is not valid in the database's encoding.
constexpr std::string_view sql = R"(
select s.queryid::text as query_id,
       coalesce(d.datname::text, '') as database,
       pg_catalog.pg_get_userbyid(s.userid)::text as "user",
       case when pg_catalog.octet_length(s.query) <= 65536 then s.query
            else pg_catalog.encode(pg_catalog.substring(pg_catalog.textsend(s.query), 1, 65536), 'escape') end as text,
       pg_catalog.octet_length(s.query) > 65536 as truncated
from {extension_schema}.pg_stat_statements(true) s
left join pg_catalog.pg_database d on d.oid = s.dbid
where s.queryid = any ($1::bigint[]) and s.query is not null
limit 90
)";

// The 30 queries that grew most and whose text is not known yet. A one-shot look has seen no growth: it asks for the
// most frequent ones, which its samples miss for being short.
std::vector<Request> plan(const Input& in) {
  std::set<std::string> known;
  for (const auto& answer : in.series(statement_texts, in.history().keep_seconds))
    for (const StatementText& t : answer.rows) known.insert(t.query_id);
  std::vector<std::pair<double, std::string>> grown;
  for (const Statement& s : in.now(statements)) {
    auto rate = in.rate(statements, s, &Statement::total_seconds, 30);
    if (!rate && in.context().one_shot) rate = static_cast<double>(s.calls);
    if (rate && *rate > 0 && !known.contains(s.query_id)) grown.emplace_back(*rate, s.query_id);
  }
  std::sort(grown.begin(), grown.end(), std::greater<>());
  std::string ids;
  std::set<std::string> asked;
  for (const auto& [rate, id] : grown)
    if (asked.size() < 30 && asked.insert(id).second) ids += (ids.empty() ? "" : ",") + id;
  if (ids.empty()) return {};
  return {{.database = "", .parameters = {"{" + ids + "}"}}};
}

}  // namespace

const Probe<StatementText> statement_texts{
    {.id = "statement_texts",
     .title = "Texts of queries that grew",
     .cadence = Cadence::sweep,
     .timeout = Milliseconds(2000),
     .sql = {{130000, sql}},
     .requires_extension = "pg_stat_statements",
     .on_denied = "GRANT USAGE ON SCHEMA of pg_stat_statements TO pgvigil; GRANT pg_monitor TO pgvigil;",
     .slow = true,
     .plan = plan,
     .wave = 2},
    {{"query_id", &StatementText::query_id},
     {"database", &StatementText::database},
     {"user", &StatementText::user},
     {"text", &StatementText::text},
     {"truncated", &StatementText::truncated}},
    [](const StatementText& t) { return t.query_id + "\n" + t.database + "\n" + t.user; }};

}  // namespace pgvigil
