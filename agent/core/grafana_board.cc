// A board: its head, its variables, its annotations, and where its panels stand.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <stdexcept>

#include "agent/core/grafana.h"
#include "agent/core/grafana_parts.h"
#include "agent/core/grafana_shapes.h"

namespace pgvigil {
namespace grafana {
namespace {

constexpr int columns_of_grafana = 24;
constexpr std::string_view agent_url = "http://127.0.0.1:9717";
constexpr std::string_view runbooks_url = "https://runbooks.example/pgvigil/docs/checks";

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == ':'; }

const Check& check_of(const Catalog& catalog, const std::string& id) {
  const auto it = std::find_if(catalog.checks.begin(), catalog.checks.end(), [&](auto c) { return c->id == id; });
  if (it == catalog.checks.end()) throw std::logic_error("a panel links to the check " + id + ", which is not there");
  return **it;
}

Json outward(const std::string& title, const std::string& url) {
  return {{"title", title}, {"url", url}, {"targetBlank", true}};
}

Json text_box(std::string_view name, std::string_view label, std::string_view description, std::string_view value) {
  return {{"name", name},
          {"label", label},
          {"description", description},
          {"type", "textbox"},
          {"hide", 0},
          {"query", value},
          {"current", {{"selected", true}, {"text", value}, {"value", value}}},
          {"options", Json::array({{{"selected", true}, {"text", value}, {"value", value}}})},
          {"skipUrlSync", false}};
}

std::string_view without_stop(std::string_view help) {
  return help.substr(0, help.size() - (help.ends_with('.') ? 1 : 0));
}

// $__rate_interval knows how often Prometheus looks, not how often the agent asks the server. A counter that is asked
// for once a minute needs a step of two, or its rate is a comb. 0: what Grafana chooses is right.
int shortest_step(const std::map<std::string, const KnownMetric*>& used) {
  double longest = 0;
  for (const auto& [name, m] : used)
    if (m->probe != nullptr && m->kind == MetricKind::counter && m->probe->about().cadence >= Cadence::sweep)
      longest = std::max(longest, Intervals{}.of(m->probe->about().cadence));
  return static_cast<int>(2 * longest);
}

}  // namespace

Board::Board(const Catalog& catalog, std::string uid, std::string title, std::string description, std::string refresh)
    : catalog_(catalog), known_(known_metrics(catalog)) {
  Json links = Json::array();
  links.push_back({{"title", "pgvigil"},
                   {"type", "dashboards"},
                   {"tags", Json::array({"pgvigil"})},
                   {"asDropdown", false},
                   {"icon", "external link"},
                   {"includeVars", true},
                   {"keepTime", true},
                   {"targetBlank", false},
                   {"tooltip", "The other boards, with the same variables"},
                   {"url", ""}});
  for (const auto& [name, url, tip] :
       {std::tuple{"The agent's page", "${agent}/", "Evidence, remedy and objects of the findings, live"},
        std::tuple{"Runbooks", "${runbooks}/README.md", "A page for each check"}})
    links.push_back({{"title", name},
                     {"type", "link"},
                     {"tags", Json::array()},
                     {"asDropdown", false},
                     {"icon", "doc"},
                     {"includeVars", false},
                     {"keepTime", false},
                     {"targetBlank", true},
                     {"tooltip", tip},
                     {"url", url}});
  board_ = {{"id", nullptr},
            {"uid", std::move(uid)},
            {"title", std::move(title)},
            {"description", std::move(description)},
            {"tags", Json::array({"pgvigil", "postgresql"})},
            {"schemaVersion", 39},
            {"version", 1},
            {"editable", false},
            {"graphTooltip", 1},
            {"fiscalYearStartMonth", 0},
            {"weekStart", ""},
            {"timezone", "utc"},
            {"refresh", std::move(refresh)},
            {"time", {{"from", "now-1h"}, {"to", "now"}}},
            {"timepicker", Json::object()},
            {"links", std::move(links)},
            {"annotations", {{"list", annotations()}}},
            {"templating", {{"list", variables()}}},
            {"panels", Json::array()}};
}

// Adds the variables to every metric, for each label that it has, and keeps which metrics these were.
std::string Board::expression(const std::string& expr, Used* used) const {
  std::string out;
  for (std::size_t at = 0; at < expr.size();) {
    if (expr[at] == '"') {  // as it is
      const std::size_t end = std::min(expr.find('"', at + 1), expr.size() - 1);
      out += expr.substr(at, end - at + 1);
      at = end + 1;
      continue;
    }
    if (!is_word(expr[at])) {
      out += expr[at++];
      continue;
    }
    std::size_t end = at;
    while (end < expr.size() && is_word(expr[end])) ++end;
    const std::string word = expr.substr(at, end - at);
    out += word;
    at = end;
    if (!word.starts_with("pgvigil_") && !word.starts_with("pg_")) continue;
    const auto metric = known_.find(word);
    if (metric == known_.end()) throw std::logic_error("a panel shows " + word + ", which no agent exports");
    if (used != nullptr) used->emplace(word, &metric->second);
    std::string matchers = R"(job=~"$job",instance=~"$instance")";
    for (const std::string& label : metric->second.labels) {
      if (label == "target") matchers += R"(,target=~"$target")";
      if (label == "datname") matchers += R"(,datname=~"$database")";
    }
    const bool own = at < expr.size() && expr[at] == '{';
    out += '{' + matchers + (own ? "," : "}");
    if (own) ++at;
  }
  return out;
}

Json Board::variables() const {
  Json list = Json::array();
  list.push_back({{"name", "datasource"},
                  {"label", "Data source"},
                  {"description", "The Prometheus that scrapes the agents"},
                  {"type", "datasource"},
                  {"query", "prometheus"},
                  {"regex", ""},
                  {"hide", 0},
                  {"multi", false},
                  {"includeAll", false},
                  {"current", Json::object()},
                  {"options", Json::array()},
                  {"refresh", 1},
                  {"skipUrlSync", false}});
  struct Variable {
    std::string_view name, label, says, all, query;
  };
  // What has no target or no database is shown while all are chosen.
  for (
      const Variable& v : {
          Variable{"job", "Job", "The agents' scrape job", ".+", "label_values(pgvigil_build_info, job)"},
          Variable{"instance", "Instance", "An agent", ".+",
                   R"(label_values(pgvigil_build_info{job=~"$job"}, instance))"},
          Variable{"target", "Target", "A server that is watched", ".*",
                   R"(label_values(pgvigil_up{job=~"$job",instance=~"$instance"}, target))"},
          Variable{
              "database", "Database", "Of the target", ".*",
              R"(label_values(pg_stat_database_numbackends{job=~"$job",instance=~"$instance",target=~"$target"}, datname))"},
      })
    list.push_back(
        {{"name", v.name},
         {"label", v.label},
         {"description", v.says},
         {"type", "query"},
         {"datasource", data_source()},
         {"definition", v.query},
         {"query", {{"query", v.query}, {"refId", fmt::format("variable-{}", v.name)}}},
         {"regex", ""},
         {"sort", 1},
         {"refresh", 2},
         {"hide", 0},
         {"multi", true},
         {"includeAll", true},
         {"allValue", v.all},
         {"current", {{"selected", true}, {"text", Json::array({"All"})}, {"value", Json::array({"$__all"})}}},
         {"options", Json::array()},
         {"skipUrlSync", false}});
  list.push_back(text_box("agent", "Agent's page", "Where your browser reaches the agent's page", agent_url));
  list.push_back(text_box("runbooks", "Runbooks", "Where your browser reaches docs/checks", runbooks_url));
  return list;
}

Json Board::annotations() const {
  Json list = Json::array();
  list.push_back({{"builtIn", 1},
                  {"datasource", {{"type", "grafana"}, {"uid", "-- Grafana --"}}},
                  {"enable", true},
                  {"hide", true},
                  {"iconColor", "rgba(0, 211, 255, 1)"},
                  {"name", "Annotations & Alerts"},
                  {"type", "dashboard"}});
  const auto mark = [&](std::string_view name, std::string_view color, const std::string& expr, std::string_view title,
                        std::string_view text) {
    list.push_back({{"name", name},
                    {"datasource", data_source()},
                    {"enable", true},
                    {"hide", false},
                    {"iconColor", color},
                    {"expr", expr},
                    {"step", "15s"},
                    {"useValueForTime", false},
                    {"titleFormat", title},
                    {"textFormat", text},
                    {"tagKeys", "target,severity"}});
  };
  mark("Alerts", "red", R"(ALERTS{alertstate="firing",job=~"$job",instance=~"$instance",target=~"$target"})",
       "{{alertname}}", "{{target}}: {{severity}}");
  mark("Events", "blue", expression(R"(pgvigil_finding{role="event"})"), "{{check}}", "{{target}}");
  return list;
}

Json Board::links(const Panel& panel) const {
  Json all = Json::array();
  for (const std::string& id : panel.checks)
    all.push_back(outward(std::string(check_of(catalog_, id).title), "${runbooks}/" + id + ".md"));
  if (panel.checks.empty()) all.push_back(outward("Runbooks", "${runbooks}/README.md"));
  all.push_back(outward("The agent's page", "${agent}/"));
  return all;
}

Json Board::targets(const Panel& panel, Used& used) const {
  const bool table = panel.shape == Shape::table;
  Json all = Json::array();
  for (const Query& q : panel.queries)
    all.push_back({{"refId", ref_id(all.size())},
                   {"datasource", data_source()},
                   {"editorMode", "code"},
                   {"expr", expression(q.expr, &used)},
                   {"legendFormat", q.legend.empty() ? "__auto" : q.legend},
                   {"format", table ? "table" : "time_series"},
                   {"instant", table},
                   {"range", !table}});
  return all;
}

void Board::add(const Panel& panel) {
  if (x_ + panel.width > columns_of_grafana) {
    x_ = 0;
    y_ += row_height_;
    row_height_ = 0;
  }
  Used used;
  Json one = targets(panel, used);
  std::string description = panel.says + (panel.empty_when_healthy ? " (empty when healthy)" : "") + "\n";
  for (const auto& [name, metric] : used) description += fmt::format("\n- `{}`: {}", name, without_stop(metric->help));
  Json json{{"id", ++id_},
            {"type", type_of(panel.shape)},
            {"title", panel.title},
            {"description", description},
            {"datasource", data_source()},
            {"gridPos", {{"h", panel.height}, {"w", panel.width}, {"x", x_}, {"y", y_}}},
            {"links", links(panel)}};
  if (const int seconds = shortest_step(used); seconds > 0) json["interval"] = fmt::format("{}s", seconds);
  shape(panel, json);
  json["targets"] = std::move(one);
  board_["panels"].push_back(std::move(json));
  x_ += panel.width;
  row_height_ = std::max(row_height_, panel.height);
}

std::string Board::json() const { return board_.dump(2) + "\n"; }

}  // namespace grafana

std::vector<CatalogFile> grafana_boards(const Catalog& catalog) {
  return {{"dashboards/grafana/incident.json", grafana::incident_board(catalog)},
          {"dashboards/grafana/queries.json", grafana::queries_board(catalog)},
          {"dashboards/grafana/fleet.json", grafana::fleet_board(catalog)},
          {"dashboards/grafana/agent.json", grafana::agent_board(catalog)}};
}

}  // namespace pgvigil
