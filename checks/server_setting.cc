#include "checks/server_setting.h"

#include <fmt/format.h>

#include "checks/plans/sql.h"
#include "checks/words.h"

namespace pgvigil {

Step set_server_setting(std::string_view name, std::string_view value, std::string_view before) {
  const auto sql = [&](std::string_view v) {
    return fmt::format("ALTER SYSTEM SET {} = {};\nSELECT pg_catalog.pg_reload_conf();", name, words::literal(v));
  };
  Step s{.title = fmt::format("set {} to {}", name, value.empty() ? "nothing" : words::one_line(value, 63)),
         .database = "postgres",
         .run_as = "superuser",
         .sql = sql(value)};
  s.duration = "at once";
  s.lock = "none";
  s.undo = sql(before);
  return s;
}

Step change_setting(const ServerSetting& s, const std::optional<std::string>& value, std::string database) {
  std::string where, tail;
  if (s.scope == "server") {
    where = "ALTER SYSTEM";
    tail = "\nSELECT pg_catalog.pg_reload_conf();";
  } else if (s.scope == "database") {
    where = "ALTER DATABASE " + sql::quote_identifier(s.database);
  } else {
    where = "ALTER ROLE " + (s.role.empty() ? "ALL" : sql::quote_identifier(s.role));
    if (!s.database.empty()) where += " IN DATABASE " + sql::quote_identifier(s.database);
  }
  const std::string name = sql::quote_identifier(s.name);
  Step step{.title = {}, .database = std::move(database), .run_as = "superuser", .sql = {}};
  step.sql = value ? fmt::format("{} SET {} = {};{}", where, name, words::literal(*value), tail)
                   : fmt::format("{} RESET {};{}", where, name, tail);
  step.duration = s.needs_restart       ? "with the next restart"
                  : s.scope == "server" ? "at once"
                                        : "at once, for new sessions";
  step.lock = "none";
  return step;
}

}  // namespace pgvigil
