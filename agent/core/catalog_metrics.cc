// docs/metrics.md, and the list of all generated files.
#include <fmt/format.h>

#include "agent/core/catalog.h"

namespace pgvigil {
std::string metrics_page(const Catalog& catalog) {
  std::string out =
      "# Metrics\n\nWhat `/metrics` exports from the probes; made by `pgvigil catalog --write .`. Each carries the "
      "label `target`.\n"
      "`pgvigil_finding` counts the findings of the newest report by `check`, `severity`, `role` and `act_by`. Names "
      "without\n"
      "`pgvigil_` are those that postgres_exporter made common, so that existing dashboards keep working.\n\n"
      "| metric | kind | labels | meaning | probe |\n|---|---|---|---|---|\n";
  for (const AnyProbe* p : catalog.probes)
    for (const Metric& m : p->about().metrics) {
      std::string labels;
      for (const MetricLabel& label : m.labels) labels += fmt::format("{}{}", labels.empty() ? "" : ", ", label.name);
      out += fmt::format("| `{}` | {} | {} | {} | `{}` |\n", m.name,
                         m.kind == MetricKind::counter ? "counter" : "gauge", labels, m.help, p->id());
    }
  return out;
}

std::vector<CatalogFile> catalog_files(const Catalog& catalog, std::string_view settings, std::string_view minimal) {
  std::vector<CatalogFile> all{
      {"config/pgvigil.yaml", std::string(settings) + checks_yaml(catalog)},
      {"config/minimal.yaml", std::string(minimal)},
      {"config/pgvigil.rules.yml", alert_rules(catalog)},
      {"docs/metrics.md", metrics_page(catalog)},
      {"docs/checks/README.md", checks_index(catalog)},
  };
  for (const Check* c : catalog.checks)
    all.push_back({fmt::format("docs/checks/{}.md", c->id), check_page(catalog, *c)});
  return all;
}

}  // namespace pgvigil
