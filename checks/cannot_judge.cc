#include "checks/cannot_judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "checks/plans/sql.h"
#include "checks/probes/activity.h"
#include "checks/probes/server.h"

namespace pgvigil {

bool blind(const Input& in) {
  for (const Server& s : in.now(server))
    if (!s.can_read_stats) return true;
  const auto sessions = in.now(activity);
  return std::any_of(sessions.begin(), sessions.end(), [](const Session& s) {
    return s.state.empty() && (s.backend_type.empty() || s.backend_type == "client backend");
  });
}

void need_sight(const Input& in) {
  if (!blind(in)) return;
  const auto servers = in.now(server);
  throw CannotJudge("the statements of other roles are hidden from this role",
                    fmt::format("GRANT pg_monitor TO {};",
                                servers.empty() ? "pgvigil" : sql::quote_identifier(servers.front().role)));
}

}  // namespace pgvigil
