#include "agent/core/route.h"

#include <algorithm>

namespace pgvigil {

bool wants(const Route& route, const Notice& n) {
  if (n.edge == Notice::Edge::resolved && !route.send_resolved) return false;
  if (n.reach.severity < route.severity || n.reach.act_by > route.act_by) return false;
  const auto any = [](const std::vector<std::string>& globs, const std::string& text) {
    return std::any_of(globs.begin(), globs.end(), [&](const std::string& g) { return matches_glob(g, text); });
  };
  if (!route.targets.empty() && !any(route.targets, n.target)) return false;
  // By what led it when it fired: a cause that takes over later must not leave its resolve behind.
  return route.checks.empty() || any(route.checks, n.first_check) ||
         (n.edge == Notice::Edge::note && any(route.checks, n.incident.lead().check));
}

}  // namespace pgvigil
