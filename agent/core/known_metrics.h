// Every metric that an agent can export, whatever the state of a server: for documents and dashboards.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/core/catalog.h"

namespace pgvigil {

struct KnownMetric {
  std::string help;
  MetricKind kind = MetricKind::gauge;
  std::vector<std::string> labels = {};  // `target` among them, where it is about one
  const AnyProbe* probe = nullptr;       // null: from the report, or the agent's own figure
};
// By name.
std::map<std::string, KnownMetric, std::less<>> known_metrics(const Catalog& catalog);

}  // namespace pgvigil
