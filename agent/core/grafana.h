// Grafana boards, made from the catalog: names, help and kinds of metrics, titles and pages of checks come from there.
// Classic JSON, for import or a provisioning file.
#pragma once

#include <vector>

#include "agent/core/catalog.h"

namespace pgvigil {

// dashboards/grafana/*.json. Throws std::logic_error when a panel names a metric or a check that is not there.
std::vector<CatalogFile> grafana_boards(const Catalog& catalog);

}  // namespace pgvigil
