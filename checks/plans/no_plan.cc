#include "checks/plans/no_plan.h"

#include "checks/plans/reading.h"
#include "checks/plans/sql.h"

namespace pgvigil {

std::optional<NoPlan> no_plan(std::string_view text) {
  if (text.starts_with("<insufficient privilege>"))
    return NoPlan{"privilege", "its text is hidden from our role: GRANT pg_monitor TO pgvigil"};
  switch (sql::kind(text)) {
    case sql::Kind::utility:
      if (sql::reading_part(text)) return std::nullopt;  // a cursor
      return utility_statement;
    case sql::Kind::several:
      return several_statements;
    default:
      return std::nullopt;
  }
}

}  // namespace pgvigil
