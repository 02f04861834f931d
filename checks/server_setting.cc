#include "checks/server_setting.h"

#include <fmt/format.h>

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

}  // namespace pgvigil
