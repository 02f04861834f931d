// A probe's mend names the role that `pgvigil grants` makes; a person pastes it for the role that is connected.
#pragma once

#include <string>

#include "checks/check.h"
#include "checks/plans/sql.h"
#include "checks/probes/server.h"

namespace pgvigil {

inline std::string mend_for(const Input& in, std::string mend) {
  constexpr std::string_view made_for = " TO pgvigil;";
  const auto servers = in.now(server);
  if (servers.empty() || servers.front().role.empty()) return mend;
  const std::string role = " TO " + sql::quote_identifier(servers.front().role) + ";";
  for (std::size_t at = 0; (at = mend.find(made_for, at)) != std::string::npos; at += role.size())
    mend.replace(at, made_for.size(), role);
  return mend;
}

}  // namespace pgvigil
