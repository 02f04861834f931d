#include "agent/core/grafana_shapes.h"

#include <algorithm>

namespace pgvigil::grafana {
namespace {

Json property(const char* id, Json value) { return {{"id", id}, {"value", std::move(value)}}; }

Json limit_line(std::size_t query) {
  Json properties = Json::array();
  properties.push_back(property("color", {{"mode", "fixed"}, {"fixedColor", "red"}}));
  properties.push_back(property("custom.fillOpacity", 0));
  properties.push_back(property("custom.lineStyle", {{"fill", "dash"}, {"dash", {8, 8}}}));
  properties.push_back(property("custom.stacking", {{"mode", "none"}, {"group", "A"}}));
  return {{"matcher", {{"id", "byFrameRefID"}, {"options", ref_id(query)}}}, {"properties", std::move(properties)}};
}

Json column(const Column& c) {
  Json properties = Json::array();
  if (!c.unit.empty()) properties.push_back(property("unit", c.unit));
  if (!c.mappings.is_null()) {
    properties.push_back(property("mappings", c.mappings));
    properties.push_back(property("custom.cellOptions", {{"type", "color-text"}}));
  }
  if (c.width > 0) properties.push_back(property("custom.width", c.width));
  if (!c.links.empty()) {
    Json links = Json::array();
    for (const Link& l : c.links) links.push_back({{"title", l.title}, {"url", l.url}, {"targetBlank", true}});
    properties.push_back(property("links", std::move(links)));
  }
  if (properties.empty()) return {};
  return {{"matcher", {{"id", "byName"}, {"options", c.title.empty() ? c.field : c.title}}},
          {"properties", std::move(properties)}};
}

Json overrides(const Panel& panel) {
  Json all = Json::array();
  for (std::size_t i = 0; i < panel.queries.size(); ++i)
    if (panel.queries[i].limit) all.push_back(limit_line(i));
  for (const Column& c : panel.columns)
    if (Json one = column(c); !one.is_null()) all.push_back(std::move(one));
  return all;
}

Json transformations(const Panel& panel) {
  Json all = Json::array();
  if (panel.queries.size() > 1) all.push_back({{"id", "merge"}, {"options", Json::object()}});
  if (!panel.sort_by.empty())
    all.push_back({{"id", "sortBy"},
                   {"options",
                    {{"fields", Json::object()},
                     {"sort", Json::array({{{"field", panel.sort_by}, {"desc", !panel.ascending}}})}}}});
  Json hidden{{"Time", true}}, order = Json::object(), names = Json::object();
  for (const std::string& field : panel.hidden) hidden[field] = true;
  for (const Column& c : panel.columns) {
    order[c.field] = order.size();
    if (!c.title.empty()) names[c.field] = c.title;
  }
  all.push_back({{"id", "organize"},
                 {"options",
                  {{"excludeByName", hidden}, {"indexByName", std::move(order)}, {"renameByName", std::move(names)}}}});
  return all;
}

// A line, an area, a bar of states, or none of these.
Json drawing(Shape shape) {
  switch (shape) {
    case Shape::lines:
    case Shape::stacked:
      return {{"drawStyle", "line"},
              {"lineInterpolation", "linear"},
              {"lineWidth", 1},
              {"fillOpacity", shape == Shape::stacked ? 40 : 5},
              {"showPoints", "never"},
              {"spanNulls", false},
              {"axisSoftMin", 0},
              {"stacking", {{"mode", shape == Shape::stacked ? "normal" : "none"}, {"group", "A"}}}};
    case Shape::states:
      return {{"lineWidth", 0}, {"fillOpacity", 80}};
    case Shape::table:
      return {{"align", "left"}, {"cellOptions", {{"type", "auto"}}}};
    case Shape::stat:
      return Json::object();
  }
  return {};
}

Json options(const Panel& panel) {
  switch (panel.shape) {
    case Shape::stat:
      return {{"reduceOptions", {{"calcs", Json::array({"lastNotNull"})}, {"fields", ""}, {"values", false}}},
              {"colorMode", panel.mappings.is_null() ? "none" : "background"},
              {"graphMode", panel.mappings.is_null() && !panel.unit.starts_with("dateTime") ? "area" : "none"},
              {"textMode", "value"},
              {"justifyMode", "auto"},
              {"orientation", "auto"}};
    case Shape::states:
      return {{"mergeValues", true},
              {"showValue", "auto"},
              {"alignValue", "left"},
              {"rowHeight", 0.8},
              {"legend", {{"displayMode", "list"}, {"placement", "bottom"}, {"showLegend", false}}},
              {"tooltip", {{"mode", "single"}, {"sort", "none"}}}};
    case Shape::table:
      return {{"showHeader", true}, {"cellHeight", "sm"}, {"footer", {{"show", false}}}};
    case Shape::lines:
    case Shape::stacked:
      return {{"legend",
               {{"displayMode", "list"}, {"placement", "bottom"}, {"showLegend", true}, {"calcs", Json::array()}}},
              {"tooltip", {{"mode", "multi"}, {"sort", "desc"}}}};
  }
  return {};
}

}  // namespace

Json data_source() { return {{"type", "prometheus"}, {"uid", "${datasource}"}}; }

std::string ref_id(std::size_t query) { return {static_cast<char>('A' + query)}; }

std::string type_of(Shape shape) {
  switch (shape) {
    case Shape::stat:
      return "stat";
    case Shape::states:
      return "state-timeline";
    case Shape::table:
      return "table";
    case Shape::lines:
    case Shape::stacked:
      return "timeseries";
  }
  return "";
}

void shape(const Panel& panel, Json& json) {
  // One step, so that Grafana does not put one of its own: what is too much is said by a finding, not by a colour here.
  Json defaults{
      {"unit", panel.unit},
      {"custom", drawing(panel.shape)},
      {"mappings", panel.mappings.is_null() ? Json::array() : panel.mappings},
      {"thresholds", {{"mode", "absolute"}, {"steps", Json::array({{{"color", "text"}, {"value", nullptr}}})}}}};
  if (panel.shape == Shape::lines || panel.shape == Shape::stacked)
    defaults["color"] = {{"mode", "palette-classic"}};
  else
    defaults["color"] = {{"mode", "thresholds"}};
  json["fieldConfig"] = {{"defaults", std::move(defaults)}, {"overrides", overrides(panel)}};
  json["options"] = options(panel);
  if (panel.shape == Shape::table) json["transformations"] = transformations(panel);
}

}  // namespace pgvigil::grafana
