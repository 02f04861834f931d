#include <fmt/format.h>

#include "checks/check.h"
#include "checks/plans/sql.h"
#include "checks/probes/server.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  for (const Server& s : in.now(server)) {
    if (!s.superuser) continue;
    Finding f;
    f.role = Role::advice;
    f.act_by = ActBy::this_week;
    f.object = {"role", sql::quote_identifier(s.role)};
    f.sentence = fmt::format("the agent is connected as {}, a superuser", words::one_line(s.role, 63));
    f.evidence = {{"superuser", "on"}, {"needed", "pg_monitor and the right to read tables"}};
    f.confidence = Confidence::high;
    f.basis = "the server says so of this session";
    Step make{
        .title = "make a role that can look but not touch", .database = s.database, .run_as = "superuser", .sql = {}};
    make.sql = "CREATE ROLE pgvigil LOGIN CONNECTION LIMIT 4;\nGRANT pg_monitor TO pgvigil;\n";
    make.sql += s.version_num >= 140000 ? "GRANT pg_read_all_data TO pgvigil;"
                                        : "GRANT SELECT ON ALL TABLES IN SCHEMA public TO pgvigil;";
    make.caution = "set its password with \\password pgvigil; `pgvigil grants` prints the whole script";
    make.undo = "DROP ROLE pgvigil;";
    f.remedies = {{Remedy::Kind::cure, "connect as a role of its own", {std::move(make)}}};
    found.push_back(std::move(f));
  }
  return found;
}

Scenario connected_as(bool superuser, std::int64_t version_num) {
  Server row;
  row.version_num = version_num;
  row.database = "shop";
  row.role = "watcher";
  row.superuser = superuser;
  return Scenario().saw(1, server, {row});
}

}  // namespace

extern const Check superuser_agent;
const Check superuser_agent{
    .id = "superuser_agent",
    .title = "The agent is a superuser",
    .why =
        "A superuser's session may read and change everything; watching needs neither, and a mistake or a stolen "
        "password would cost the whole server.",
    .role = Role::advice,
    .reads = {server},
    .evaluate = evaluate,
    .examples = {{"connected as a superuser", [] { return connected_as(true, 150020); }, {Severity::warning}},
                 {"a superuser on 13, where reading is granted table by table",
                  [] { return connected_as(true, 130023); },
                  {Severity::warning}},
                 {"connected as a monitoring role", [] { return connected_as(false, 150020); }, {}}},
};

}  // namespace pgvigil
