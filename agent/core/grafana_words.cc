// Values as words and colours, and the links of a table's rows.
#include <fmt/format.h>

#include "agent/core/grafana_parts.h"

namespace pgvigil::grafana {
namespace {

constexpr Severity all_severities[] = {Severity::ok, Severity::info, Severity::warning, Severity::critical};

std::string_view color_of(Severity s) {
  switch (s) {
    case Severity::ok:
      return "green";
    case Severity::info:
      return "blue";
    case Severity::warning:
      return "orange";
    case Severity::critical:
      return "red";
  }
  return "";
}

Json mapping(Json options) { return Json::array({{{"type", "value"}, {"options", std::move(options)}}}); }

Json by_severity(bool by_number) {
  Json options = Json::object();
  for (const Severity s : all_severities) {
    const std::string word(to_string(s));
    options[by_number ? fmt::format("{}", static_cast<int>(s)) : word] = {
        {"text", word}, {"color", color_of(s)}, {"index", static_cast<int>(s)}};
  }
  return mapping(std::move(options));
}

}  // namespace

Json severities() { return by_severity(true); }
Json severity_words() { return by_severity(false); }

Json titles_of(const Catalog& catalog) {
  Json options = Json::object();
  for (const Check* c : catalog.checks)
    options[std::string(c->id)] = {{"text", c->title}, {"color", "text"}, {"index", options.size()}};
  return mapping(std::move(options));
}

Json yes_no(const std::string& yes, const std::string& no, bool yes_is_good) {
  return mapping({{"1", {{"text", yes}, {"color", yes_is_good ? "green" : "red"}, {"index", 0}}},
                  {"0", {{"text", no}, {"color", yes_is_good ? "red" : "green"}, {"index", 1}}}});
}

// Of an unmapped column, since Grafana puts the text that is shown.
Link runbook_of_row() { return {"Runbook", "${runbooks}/${__data.fields.check}.md"}; }
Link agent_page_of_row() { return {"The agent's page", "${agent}/#target=${__data.fields.target:percentencode}"}; }
Link incident_of_row() {
  return {"Incident board",
          "/d/pgvigil-incident?${datasource:queryparam}&${job:queryparam}&${instance:queryparam}"
          "&var-target=${__data.fields.target:percentencode}&${agent:queryparam}&${runbooks:queryparam}"};
}

}  // namespace pgvigil::grafana
