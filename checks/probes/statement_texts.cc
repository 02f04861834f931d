#include "checks/probes/statement_texts.h"

#include <algorithm>
#include <set>

#include "checks/check.h"
#include "checks/hot_queries.h"
#include "checks/plans/cut_text.h"
#include "checks/probes/statements.h"

namespace pgvigil {
namespace {

// Cut as bytes: left() raises on a text that is not valid in the database's encoding. The fingerprint is made on the
// way in.
constexpr std::string_view sql = R"(
select s.queryid::text as query_id,
       coalesce(d.datname::text, '') as database,
       pg_catalog.pg_get_userbyid(s.userid)::text as "user",
       case when pg_catalog.octet_length(s.query) <= 65536 then s.query
            else pg_catalog.encode(pg_catalog.substring(pg_catalog.textsend(s.query), 1, 65536), 'escape') end as text,
       pg_catalog.octet_length(s.query) > 65536 as truncated,
       '' as fingerprint
from {extension_schema}.pg_stat_statements(true) s
left join pg_catalog.pg_database d on d.oid = s.dbid
where {wanted} and s.query is not null
limit 90
)";

std::string text_of(std::string_view wanted) {
  constexpr std::string_view mark = "{wanted}";
  return std::string(sql).replace(sql.find(mark), mark.size(), wanted);
}
const std::string by_id = text_of("s.queryid = any ($1::bigint[])");
// Where sessions have no ids: texts of this database that begin so. As bytes, whatever the database's encoding.
const std::string by_beginning =
    text_of("d.datname = $1::text::name and pg_catalog.textsend(s.query) operator(pg_catalog.~~) $2::text::bytea");

constexpr std::size_t most = 30, most_cut = 3;
constexpr double little = 0.2;  // average active sessions: below it a cut text is left alone

// Ids whose text is not known yet: of running queries whose text is cut, and the 30 that grew most. At first nothing
// has been seen to grow: then those that took most time so far.
std::vector<Request> plan(const Input& in) {
  std::set<std::string> known;
  for (const auto& answer : in.series(statement_texts, in.history().keep_seconds))
    for (const StatementText& t : answer.rows) known.insert(t.query_id);
  std::vector<std::string> wanted;
  std::vector<Request> requests;
  for (const QueryLoad& q : load(in, 30).queries) {
    if (!q.truncated || q.query_id.empty() || q.sessions < little || whole_text(in, q) != nullptr) continue;
    if (!q.query_id.starts_with('f')) {
      if (!known.contains(q.query_id)) wanted.push_back(q.query_id);
    } else if (const std::string pattern = sql::like_pattern(q.query); !pattern.empty() && requests.size() < most_cut) {
      requests.push_back({.parameters = {q.database, pattern}, .sql = by_beginning});
    }
  }
  std::vector<std::pair<double, std::string>> grown;
  for (const Statement& s : in.now(statements)) {
    auto rate = in.rate(statements, s, &Statement::total_seconds, 30);
    if (!rate && in.context().one_shot) rate = s.total_seconds;
    if (rate && *rate > 0 && !known.contains(s.query_id)) grown.emplace_back(*rate, s.query_id);
  }
  std::sort(grown.begin(), grown.end(), std::greater<>());
  for (auto& [rate, id] : grown) wanted.push_back(std::move(id));
  std::string ids;
  std::set<std::string> asked;
  for (const std::string& id : wanted)
    if (asked.size() < most && asked.insert(id).second) ids += (ids.empty() ? "" : ",") + id;
  if (!ids.empty()) requests.push_back({.parameters = {"{" + ids + "}"}});
  return requests;
}

}  // namespace

const Probe<StatementText> statement_texts{
    {.id = "statement_texts",
     .title = "Texts of queries that grew",
     .cadence = Cadence::sweep,
     .timeout = Milliseconds(2000),
     .sql = {{130000, by_id}},
     .requires_extension = "pg_stat_statements",
     .on_denied = "GRANT USAGE ON SCHEMA of pg_stat_statements TO pgvigil; GRANT pg_monitor TO pgvigil;",
     .slow = true,
     .plan = plan,
     .wave = 2},
    {{"query_id", &StatementText::query_id},
     {"database", &StatementText::database},
     {"user", &StatementText::user},
     {"text", &StatementText::text},
     {"truncated", &StatementText::truncated},
     {"fingerprint", &StatementText::fingerprint}},
    [](const StatementText& t) { return t.query_id + "\n" + t.database + "\n" + t.user; }};

}  // namespace pgvigil
