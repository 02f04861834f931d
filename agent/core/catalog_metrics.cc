// docs/metrics.md, and the list of all generated files.
#include <fmt/format.h>

#include "agent/core/catalog.h"
#include "agent/core/grafana.h"
#include "agent/core/known_metrics.h"

namespace pgvigil {
namespace {

std::string row(std::string_view name, const KnownMetric& m) {
  return fmt::format("| `{}` | {} | {} | {} |", name, m.kind == MetricKind::counter ? "counter" : "gauge",
                     fmt::join(m.labels, ", "), m.help);
}

}  // namespace

std::string metrics_page(const Catalog& catalog) {
  const auto known = known_metrics(catalog);
  std::string out =
      "# Metrics\n\nWhat `/metrics` exports; made by `pgvigil catalog --write .`. `pgvigil_finding` counts the "
      "findings "
      "of the newest report.\n"
      "Names without `pgvigil_` are those that postgres_exporter made common, so that existing dashboards keep "
      "working.\n\n"
      "## From the probes\n\n| metric | kind | labels | meaning | probe |\n|---|---|---|---|---|\n";
  for (const AnyProbe* p : catalog.probes)
    for (const Metric& m : p->about().metrics)
      out += fmt::format("{} `{}` |\n", row(m.name, known.find(m.name)->second), p->id());
  out += "\n## From the reports, and of the agent itself\n\n| metric | kind | labels | meaning |\n|---|---|---|---|\n";
  for (const auto& [name, m] : known)
    if (m.probe == nullptr) out += row(name, m) + "\n";
  return out;
}

std::vector<CatalogFile> catalog_files(const Catalog& catalog, std::string_view settings, std::string_view minimal) {
  std::vector<CatalogFile> all{
      {"config/pgvigil.yaml", std::string(settings) + checks_yaml(catalog)},
      {"config/minimal.yaml", std::string(minimal)},
      {"config/pgvigil.rules.yml", alert_rules(catalog)},
      {"config/cluster/pgvigil_itself.rules.yml", own_alert_rules()},
      {"docs/metrics.md", metrics_page(catalog)},
      {"docs/checks/README.md", checks_index(catalog)},
  };
  for (const Check* c : catalog.checks)
    all.push_back({fmt::format("docs/checks/{}.md", c->id), check_page(catalog, *c)});
  for (CatalogFile& board : grafana_boards(catalog)) all.push_back(std::move(board));
  return all;
}

}  // namespace pgvigil
