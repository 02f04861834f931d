// What the checks and probes say about themselves, as documents: one declaration, every output.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "checks/check.h"

namespace pgvigil {

struct Catalog {
  std::vector<const Check*> checks;  // in the order of their ids
  std::vector<const AnyProbe*> probes;
};
Catalog whole_catalog();

std::string catalog_json(const Catalog& catalog);
std::string check_page(const Catalog& catalog, const Check& check);  // docs/checks/ID.md
std::string checks_index(const Catalog& catalog);                    // docs/checks/README.md
std::string checks_yaml(const Catalog& catalog);                     // the section `checks:` with every default
std::string alert_rules(const Catalog& catalog);   // Prometheus; no thresholds: those live in the checks
std::string own_alert_rules();                     // of them, what pgvigil cannot tell itself
std::string metrics_page(const Catalog& catalog);  // docs/metrics.md

// A generated file, its path relative to the source tree.
struct CatalogFile {
  std::string path, text;
};
// `settings` and `minimal` are the hand-written parts of the two configuration files.
std::vector<CatalogFile> catalog_files(const Catalog& catalog, std::string_view settings, std::string_view minimal);

}  // namespace pgvigil
