// The query report as text, the answer in its first two lines, and as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "agent/core/json_parts.h"
#include "agent/core/judged_plans.h"
#include "agent/core/query_report.h"
#include "agent/core/text.h"
#include "agent/core/text_page.h"
#include "checks/plans/plan_tree.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

using json::Json;

void tree(const QueryReport& r, Page& page) {
  page.heading("PLAN",
               r.source == "generic" ? "(made without values: PostgreSQL's generic plan)" : "(with the text's values)");
  if (!r.rewritten.empty()) page.paragraph("    ", 6, "the plan of " + r.rewritten);
  const PlanTree plan = parse_plan(r.plan_json);
  each_node(plan.root, [&](const PlanNode& n, int depth) {
    const auto marked =
        std::find_if(r.scans.begin(), r.scans.end(), [&](const QueryScan& s) { return s.scan.number == n.number; });
    const bool bad = marked != r.scans.end() && marked->scan.verdict == ScanVerdict::harmful;
    const std::size_t indent = 4 + 2 * static_cast<std::size_t>(std::min(depth, 30));
    const std::string lead = (bad ? page.alarm("  !", Severity::critical) : "   ") + std::string(indent - 3, ' ');
    page.paragraph(lead, indent + 4,
                   fmt::format("{}  ({}, cost {:.0f})", n.full_title(), words::counted(std::max(1.0, n.rows), "row"),
                               n.total_cost));
    const std::string under(indent + 2, ' ');
    for (const auto& [what, value] : details_of(n))
      page.paragraph(under, indent + 4, fmt::format("{}: {}", what, value));
    if (marked == r.scans.end()) return;
    page.paragraph(under, indent + 4,
                   fmt::format("{} (confidence {}): {}", to_string(marked->scan.verdict),
                               to_string(marked->scan.confidence), marked->scan.reason));
  });
  std::string settings;
  for (const auto& [name, value] : plan.settings)
    if (name.starts_with("enable_") && name != "enable_partition_pruning")
      settings += fmt::format("{}{} = {}", settings.empty() ? "" : ", ", name, value);
  if (!settings.empty()) page.paragraph("    ", 6, "planner settings: " + settings);
}

std::string verification(const QueryCure& c) {
  if (c.cost_before && c.cost_after)
    return fmt::format("tried with hypopg: cost {} before, {} with it", words::count(*c.cost_before),
                       words::count(*c.cost_after));
  if (c.pages_before && c.pages_after)
    return fmt::format("by the statistics: {} pages before, {} with it", words::count(*c.pages_before),
                       words::count(std::ceil(*c.pages_after)));
  return "not verified: neither statistics nor hypopg could tell";
}

std::string second_line(const QueryReport& r) {
  if (!r.cure.definitions.empty())
    return fmt::format("index on {} ({})", fmt::join(r.cure.definitions, " and "), verification(r.cure));
  if (!r.cure.why.empty()) return "no new index: " + r.cure.why;
  return "nothing to do";
}

}  // namespace

std::string render_query_text(const QueryReport& r, const TextOptions& options) {
  Page page(options);
  if (r.error) {
    page.paragraph(page.alarm("unknown", Severity::warning) + "  ", 9, "no plan: " + r.error->message);
    if (!r.error->mend.empty()) page.paragraph("  mend   ", 9, r.error->mend);
    if (!r.query.empty()) page.paragraph("  query  ", 9, r.query);
    return page.take();
  }
  const Severity severity = r.verdict == ScanVerdict::harmful  ? Severity::critical
                            : r.verdict == ScanVerdict::unsure ? Severity::warning
                                                               : Severity::ok;
  page.paragraph(page.alarm(to_string(r.verdict), severity) + "  ", 10,
                 (r.object.empty() ? "" : r.object + ": ") + r.reason +
                     (r.scans.empty() ? "" : fmt::format(" (confidence {})", to_string(r.confidence))));
  page.paragraph("CURE  ", 6, second_line(r));
  page.heading("QUERY", r.database.empty() ? "" : "in database " + r.database);
  page.paragraph("    ", 6, r.query);
  tree(r, page);
  std::size_t n = 0;
  for (const Remedy& m : r.remedies) {
    if (m.kind != Remedy::Kind::cure) continue;
    page.heading("CURE", "(pgvigil runs none of it)");
    for (const Step& s : m.steps) page.step(s, s.straight_path ? fmt::format("  {} ", ++n) : "  or: ");
  }
  return page.take();
}

std::string render_query_json(const QueryReport& r) {
  const auto number = [](const std::optional<double>& v) { return v ? Json(*v) : Json(); };
  const auto word = [](auto e) { return std::string(to_string(e)); };
  Json out;
  out["schema"] = 1;
  out["database"] = r.database;
  out["query_id"] = r.query_id;
  out["query"] = r.query;
  out["verdict"] = r.error ? Json() : Json(word(r.verdict));
  out["confidence"] = r.error ? Json() : Json(word(r.confidence));
  out["object"] = r.object.empty() ? Json() : Json(r.object);
  out["reason"] = r.reason;
  out["cure"] = {{"indexes", r.cure.indexes},
                 {"definitions", r.cure.definitions},
                 {"none", r.cure.none.empty() ? Json() : Json(r.cure.none)},
                 {"why", r.cure.why},
                 {"verified", r.cure.verified},
                 {"cost_before", number(r.cure.cost_before)},
                 {"cost_after", number(r.cure.cost_after)},
                 {"pages_before", number(r.cure.pages_before)},
                 {"pages_after", number(r.cure.pages_after)}};
  out["scans"] = json::list(r.scans, [&](const QueryScan& s) {
    return Json{{"object", s.object},
                {"node", s.scan.node},
                {"number", s.scan.number},
                {"verdict", word(s.scan.verdict)},
                {"confidence", word(s.scan.confidence)},
                {"reason", s.scan.reason},
                {"filter", s.scan.filter},
                {"rows_kept", s.scan.rows_kept},
                {"rows_read", s.scan.rows_read},
                {"bytes_read", s.scan.bytes_read},
                {"loops", s.scan.loops},
                {"cure", s.cure.empty() ? Json() : Json(s.cure)},
                {"why", s.why},
                {"inside", s.inside.empty() ? Json() : Json(s.inside)}};
  });
  out["remedies"] = json::list(r.remedies, json::remedy);
  out["plan"] = {{"source", r.source},
                 {"rewritten", r.rewritten.empty() ? Json() : Json(r.rewritten)},
                 {"json", r.plan_json.empty() ? Json() : Json::parse(r.plan_json, nullptr, false)}};
  out["error"] = r.error ? Json{{"sqlstate", r.error->sqlstate},
                                {"reason", r.refused},
                                {"message", r.error->message},
                                {"mend", r.error->mend}}
                         : Json();
  return out.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace pgvigil
