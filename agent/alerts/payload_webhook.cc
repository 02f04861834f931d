#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "agent/alerts/payload.h"
#include "agent/alerts/payload_text.h"

namespace pgvigil {
namespace {

using nlohmann::json;

constexpr std::size_t annotation_limit = 8000;

}  // namespace

json annotations(const Notice& n, const Message& m) {
  json all{{"summary", m.title}, {"description", lines(m.lead_lines, annotation_limit)}};
  const auto annotate = [&](const char* name, const std::string& text) {
    if (!text.empty()) all[name] = text;
  };
  annotate("why", m.why);
  annotate("not_the_cause", m.not_cause);
  annotate("remedy", m.remedy);
  annotate("remedy_sql", statements(m));
  annotate("tables", lines(m.objects, annotation_limit));
  annotate("symptoms", lines(m.symptoms, annotation_limit));
  annotate("left_undone", lines(m.undone, annotation_limit));
  annotate("command", m.command);
  annotate("confidence", std::string(to_string(n.incident.lead().confidence)));
  annotate("message", cut(plain_text(m), annotation_limit));
  for (const Link& l : m.links)
    if (l.label == "Runbook") annotate("runbook_url", l.url);
  return all;
}

std::string webhook_payload(const Notice& n, const Message& m, std::string_view receiver) {
  const Finding& lead = n.incident.lead();
  const bool over = n.edge == Notice::Edge::resolved;
  const char* status = over ? "resolved" : "firing";
  json labels{{"alertname", lead.check},
              {"severity", to_string(m.severity)},
              {"target", one_line(n.target)},
              {"object", cut(one_line(lead.object.name), 300)},
              {"object_kind", lead.object.kind},
              {"role", to_string(lead.role)},
              {"act_by", to_string(n.incident.act_by)}};
  if (!lead.object.database.empty()) labels["database"] = one_line(lead.object.database);

  const json annotated = annotations(n, m);
  const std::string external = page_url(m);
  const json alert{{"status", status},
                   {"labels", labels},
                   {"annotations", annotated},
                   {"startsAt", rfc3339(n.started)},
                   {"endsAt", over ? rfc3339(n.at) : "0001-01-01T00:00:00Z"},
                   {"generatorURL", external},
                   {"fingerprint", n.key},
                   {"edge_id", n.id()}};
  const json body{{"version", "4"},          {"groupKey", fmt::format("pgvigil:{}:{}", one_line(n.target), n.key)},
                  {"truncatedAlerts", 0},    {"status", status},
                  {"receiver", receiver},    {"groupLabels", {{"target", one_line(n.target)}}},
                  {"commonLabels", labels},  {"commonAnnotations", annotated},
                  {"externalURL", external}, {"alerts", json::array({alert})},
                  {"dedup_key", n.key},      {"edge", to_string(n.edge)},
                  {"edge_id", n.id()},       {"merged_dedup_keys", n.merged}};
  return dumped(body);
}

}  // namespace pgvigil
