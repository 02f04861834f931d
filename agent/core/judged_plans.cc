#include "agent/core/judged_plans.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "checks/plans/remember.h"
#include "checks/plans/scans.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr std::size_t text_shown = 500;  // bytes of a condition

bool worse(ScanVerdict a, ScanVerdict b) {
  const auto order = [](ScanVerdict v) { return v == ScanVerdict::harmful ? 0 : v == ScanVerdict::unsure ? 1 : 2; };
  return order(a) < order(b);
}

void mark(JudgedPlan& out, const KnownTable& known, const TableReader& reader) {
  const auto node = std::find_if(out.nodes.begin(), out.nodes.end(),
                                 [&](const JudgedNode& n) { return n.number == reader.scan->number; });
  if (node != out.nodes.end()) {
    node->verdict = reader.verdict;
    node->confidence = reader.confidence;
    node->reason = reader.scan->reason;
  }
  if (!out.reason.empty() && !worse(reader.verdict, out.verdict)) return;
  out.verdict = reader.verdict;
  out.reason = reader.scan->reason;
  out.cure =
      reader.advice.creates() && reader.verdict != ScanVerdict::rightful
          ? fmt::format("index on {} {}", fmt::join(index_places(known, reader), ", "), reader.advice.definition())
          : "";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> details_of(const PlanNode& n) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [what, text] : {std::pair("index condition", n.index_condition),
                                   {"join", n.join_condition},
                                   {"filter", n.filter},
                                   {"sort", fmt::format("{}", fmt::join(n.sort_keys, ", "))},
                                   {"group", fmt::format("{}", fmt::join(n.group_keys, ", "))}})
    if (!text.empty()) out.emplace_back(what, words::one_line(text, text_shown));
  return out;
}

std::string read_in_words(const PlanRead& r) {
  return r.title() + (r.relation.empty() ? "" : " on " + (r.schema.empty() ? "" : r.schema + ".") + r.relation);
}

std::vector<JudgedPlan> judge_plans(const Input& in) {
  std::vector<JudgedPlan> all;
  const Catalogue catalogue(in);
  for (const auto& [key, newest] : newest_plans(in)) {
    const Plan& p = *newest.plan;
    JudgedPlan& out = all.emplace_back(JudgedPlan{p.database, p.query_id, p.name, p.query, p.source, p.rewritten});
    if (p.json.empty()) {
      out.refused = p.reason;
      out.error = p.error;
      continue;
    }
    try {
      const PlanTree tree = parse_plan(p.json);
      for (const PlanRead& r : reads_of(tree)) out.reads.push_back(read_in_words(r));
      each_node(tree.root, [&](const PlanNode& n, int depth) {
        out.nodes.push_back({n.number, depth, n.full_title(), n.rows, n.total_cost, details_of(n)});
      });
    } catch (const std::invalid_argument& e) {
      out.refused = "unreadable";
      out.error = e.what();
      continue;
    }
    out.shape = shape_hash(p.json);
    for (const ReadTable& t : scans_of(in, catalogue, p).tables)
      for (const TableReader& r : t.readers)
        if (r.scan) mark(out, *t.known, r);
    if (out.reason.empty()) out.reason = "no scan of it reads much more than it keeps";
  }
  return all;
}

}  // namespace pgvigil
