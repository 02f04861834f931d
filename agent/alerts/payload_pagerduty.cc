#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/alerts/payload.h"
#include "agent/alerts/payload_text.h"

namespace pgvigil {
namespace {

using nlohmann::json;

// In bytes. PagerDuty takes 512,000 and shows few of them.
constexpr std::size_t event_limit = 60'000, summary_limit = 1024, detail_limit = 8000;

const char* severity(Severity s) {
  return s == Severity::critical ? "critical" : s == Severity::warning ? "warning" : "info";
}

std::string summary(const Message& m) {
  std::string text = m.title;
  for (std::size_t i = 0; i < std::min<std::size_t>(m.lead_lines.size(), 2); ++i) text += " | " + m.lead_lines[i];
  return cut(text, summary_limit);
}

json details(const Notice& n, const Message& m) {
  json all = json::object();
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) all[name] = cut(text, detail_limit);
  };
  add("changed", cut(one_line(n.changed), 1000));
  add("left_undone", lines(m.undone, detail_limit));
  add("merged_dedup_keys", lines(n.merged, 2000));
  if (n.edge == Notice::Edge::resolved) return all;
  add("why", m.why);
  add("not_the_cause", m.not_cause);
  add("remedy", m.remedy);
  add("remedy_sql", statements(m, detail_limit - 100));
  if (m.more_steps > 0) all["more_steps"] = m.more_steps;
  add("tables", lines(m.objects, detail_limit));
  add("command", m.command);
  add("confidence", std::string(to_string(n.incident.lead().confidence)));
  add("symptoms", lines(m.symptoms, detail_limit));
  add("message", plain_text(m));
  return all;
}

}  // namespace

std::string pagerduty_payload(const Notice& n, const Message& message) {
  const Message m = bounded(message);
  const Finding& lead = n.incident.lead();
  const bool over = n.edge == Notice::Edge::resolved;
  const std::string target = cut(one_line(n.target), 300);
  json links = json::array();
  for (const Link& l : m.links) links.push_back({{"href", l.url}, {"text", l.label}});
  json event{{"event_action", over ? "resolve" : "trigger"},
             {"dedup_key", n.key},
             {"client", "pgvigil"},
             {"links", std::move(links)},
             {"payload",
              {{"summary", summary(m)},
               {"source", target},
               {"severity", severity(m.severity)},
               {"timestamp", rfc3339(n.started)},
               {"component", cut(one_line(lead.object.name), 300)},
               {"group", target},
               {"class", lead.check},
               {"custom_details", details(n, m)}}}};
  if (const std::string page = page_url(m); !page.empty()) event["client_url"] = page;
  // What stands elsewhere too goes first.
  for (const char* name : {"message", "symptoms", "tables", "not_the_cause", "why", "remedy_sql", "remedy"}) {
    if (dumped(event).size() <= event_limit) break;
    json& all = event["payload"]["custom_details"];
    if (all.contains(name)) all[name] = truncated;
  }
  return dumped(event);
}

}  // namespace pgvigil
