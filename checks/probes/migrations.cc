#include "checks/probes/migrations.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "checks/check.h"
#include "checks/plans/sql.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

// SQL that the server refuses, or that takes longer than its second, is not put to it again before.
constexpr double after_a_refusal = 300;  // seconds

// Ours, or the server's state: the next time may do better.
bool passes(const std::string& sqlstate) {
  return sqlstate.starts_with("PGV") || sqlstate.starts_with("08") || sqlstate.starts_with("57P") ||
         sqlstate.starts_with("53") || sqlstate == "55P03";
}

// What the server said to its SQL lately; "" when nothing is known against it. A failure names its database alone:
// those of one look are in the order of the migrations that have no row in it.
std::string refusal(const Input& in, const Migration& m) {
  std::string why;
  for (const auto& answer : in.history().series(migrations)) {
    if (seconds_between(answer.at, in.at()) > after_a_refusal) continue;
    const auto row_of = [&](const Migration& other) {
      return answer.rows == nullptr
                 ? nullptr
                 : static_cast<const RowsOf<MigrationProgress>&>(*answer.rows).find(other.database + "\n" + other.name);
    };
    if (const MigrationProgress* row = row_of(m); row != nullptr) {
      if (row->problem.empty()) why.clear();
      continue;
    }
    std::vector<const Failure*> said;
    for (const Failure& f : answer.failures)
      if (f.database == m.database) said.push_back(&f);
    std::size_t place = 0;
    for (const Migration& other : in.context().migrations) {
      if (other.name == m.name && other.database == m.database) break;
      place += other.database == m.database && row_of(other) == nullptr;
    }
    if (said.empty()) continue;
    const Failure& f = *said[std::min(place, said.size() - 1)];
    if (!passes(f.sqlstate)) why = f.message;
  }
  return why;
}

// The tables its SQL names, as the server's own views name them.
std::vector<std::string> tables_of(const Migration& m) {
  const std::string first = m.search_path.substr(0, m.search_path.find(','));
  std::set<std::string> all;
  for (const std::string* text : {&m.done, &m.total})
    for (const sql::RelationUse& use : sql::relations(*text))
      all.insert((use.schema.empty() ? first : sql::quote_identifier(use.schema)) + "." +
                 sql::quote_identifier(use.relation));
  return {all.begin(), all.end()};
}

std::string question(const std::string& name, std::string_view done, std::string_view total,
                     const std::vector<std::string>& tables, const std::string& problem) {
  return fmt::format(
      "select pg_catalog.current_database()::text as database, {}::text as name, ({}\n)::float8 as done, "
      "({}\n)::float8 as total, {}::text[] as tables, {}::text as problem",
      words::literal(name), done, total, words::literal(*encode_cell(tables)), words::literal(problem));
}

std::vector<Request> plan(const Input& in) {
  std::vector<Request> requests;
  for (const Migration& m : in.context().migrations) {
    const std::string why = refusal(in, m);
    requests.push_back({.database = m.database, .search_path = m.search_path});
    requests.back().sql = why.empty() ? question(m.name, m.done, m.total, tables_of(m), "")
                                      : question(m.name, "null", "null", tables_of(m), why);
  }
  return requests;
}

}  // namespace

const Probe<MigrationProgress> migrations{
    {.id = "migrations",
     .title = "Progress of declared migrations",
     .scope = Scope::database,
     .cadence = Cadence::sweep,
     .timeout = Milliseconds(1000),
     .on_denied = "GRANT pg_read_all_data TO pgvigil; on 13: GRANT SELECT on the tables that its SQL reads",
     .metrics = {{"pgvigil_migration_done",
                  "What a declared migration has done, in whatever its SQL counts",
                  MetricKind::gauge,
                  "done",
                  {{"datname", "database"}, {"migration", "name"}}},
                 {"pgvigil_migration_goal",
                  "What a declared migration has to do in all, in whatever its SQL counts",
                  MetricKind::gauge,
                  "total",
                  {{"datname", "database"}, {"migration", "name"}}}},
     .plan = plan,
     .wave = 9},  // the last: it delays nothing that an incident needs
    {{"database", &MigrationProgress::database},
     {"name", &MigrationProgress::name},
     {"done", &MigrationProgress::done},
     {"total", &MigrationProgress::total},
     {"tables", &MigrationProgress::tables},
     {"problem", &MigrationProgress::problem}},
    [](const MigrationProgress& m) { return m.database + "\n" + m.name; }};

}  // namespace pgvigil
