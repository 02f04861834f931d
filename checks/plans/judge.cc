#include "checks/plans/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "checks/plans/above.h"
#include "checks/plans/partitions.h"
#include "checks/plans/plan_tree.h"
#include "checks/plans/sql.h"

namespace pgvigil {
namespace {

constexpr double kFar = 10'000;  // rows skipped by OFFSET

bool contains(std::string_view s, std::string_view part) { return s.find(part) != std::string_view::npos; }

bool is_volatile(std::string_view filter) {
  for (const char* f : {"random()", "clock_timestamp()", "timeofday()", "gen_random_uuid()", "nextval("})
    if (contains(filter, f)) return true;
  return false;
}

// Shapes for which a plan without values often shows a scan that the plan with values does not have.
bool hides_index(std::string_view filter) {
  return contains(filter, "~~ $") || contains(filter, "~~* $") || contains(filter, " IS NULL) OR ");
}

std::string rows_text(double n) { return n == 1 ? "1 row" : fmt::format("{:.0f} rows", n); }

class Judge {
 public:
  Judge(const PlanTree& plan, const std::vector<RelationFacts>& facts, const JudgeOptions& options)
      : partitions_(partitions_read(plan.root, facts)),
        fences_(fences(plan.root)),
        pruning_(!plan.settings.contains("enable_partition_pruning")),
        facts_(facts),
        options_(options) {}

  void walk(const PlanNode& node, Above above) {
    const bool index = node.type == "Index Scan" || node.type == "Index Only Scan" || node.type == "Bitmap Heap Scan";
    if (node.type == "Seq Scan" || (index && (!node.filter.empty() || above.skipped > 0))) scan(node, above);
    if ((index || node.type == "Bitmap Index Scan") && options_.walked) walk_of_index(node, above);

    for (const auto& [child, next] : below(node, above, fences_, options_.generic)) walk(*child, next);
  }

  std::vector<Scan> scans;

 private:
  void scan(const PlanNode& node, const Above& above) {
    Scan s;
    s.number = node.number;
    s.schema = node.schema;
    s.relation = node.relation;
    s.alias = node.alias;
    s.node = node.title();
    s.filter = sql::blank_literals(node.filter);
    s.rows_kept = node.rows * (node.parallel ? above.processes : 1);
    s.loops = above.loops;
    s.grouped = above.grouped;
    s.join_condition = sql::blank_literals(above.join_condition);
    s.index = node.type != "Seq Scan";
    const RelationFacts* facts = facts_of(facts_, node);
    if (facts != nullptr && skips(s, above, *facts)) return scans.push_back(std::move(s));
    if (s.index && node.filter.empty()) return;
    if (s.index && !node.index_condition.empty()) {
      if (facts == nullptr || !through_index(s, node, above, *facts)) return;
    } else {
      verdict(s, node, above, facts);
    }
    scans.push_back(std::move(s));
  }

  // A page far behind: OFFSET leaves out what was read.
  bool skips(Scan& s, const Above& above, const RelationFacts& facts) const {
    if (above.skipped < kFar || above.joined || !facts.rows || *facts.rows <= 0) return false;
    const double shown = above.limit.value_or(above.top.value_or(0)) - above.skipped;
    const double bytes = static_cast<double>(facts.heap_bytes) * std::min(1.0, above.skipped / *facts.rows);
    if (bytes < static_cast<double>(options_.floor_bytes) || shown >= few_rows * above.skipped) return false;
    s.rows_read = above.skipped + shown;
    s.rows_kept = std::max(1.0, shown);
    s.bytes_read = bytes;
    s.rewrite =
        "OFFSET reads what it skips: a page that begins after the last key shown (WHERE key > $1 ORDER BY key LIMIT n) "
        "reads itself alone";
    say(s, ScanVerdict::harmful, Confidence::medium,
        fmt::format("about {} are read for OFFSET to skip them, {} are shown", rows_text(above.skipped),
                    rows_text(s.rows_kept)));
    return true;
  }

  void walk_of_index(const PlanNode& node, const Above& above) {
    const auto bytes = options_.walked(node);
    if (!bytes || *bytes * std::max(1.0, above.loops) < static_cast<double>(options_.floor_bytes)) return;
    Scan s;
    s.number = node.number;
    const PlanNode& table = above.heap != nullptr && node.relation.empty() ? *above.heap : node;
    s.schema = table.schema;
    s.relation = table.relation;
    s.alias = table.alias;
    s.node = node.title();
    s.filter = sql::blank_literals(node.index_condition);
    s.index = true;
    s.rows_kept = node.rows;
    s.loops = above.loops;
    s.bytes_read = *bytes * std::max(1.0, above.loops);
    say(s, ScanVerdict::harmful, Confidence::medium,
        fmt::format("{} cannot lead to the rows of its condition: nearly all of it, or of the table, is read",
                    node.index));
    scans.push_back(std::move(s));
  }

  // An index finds rows, and the filter drops most of them.
  bool through_index(Scan& s, const PlanNode& node, const Above& above, const RelationFacts& facts) const {
    std::optional<double> found;
    if (node.type == "Bitmap Heap Scan" && !node.children.empty() && node.children[0].type == "Bitmap Index Scan")
      found = node.children[0].rows;
    else if (options_.found)
      found = options_.found(node, above.limit.has_value());
    if (!found) return false;
    s.rows_read = std::max(*found, s.rows_kept);
    // Each row may lie in a page of its own; TOAST is read only of rows that are found.
    const double pages = std::min(static_cast<double>(facts.heap_bytes) / 8192, s.rows_read);
    double bytes = pages * 8192;
    if (facts.rows && *facts.rows > 0)
      bytes += static_cast<double>(facts.toast_bytes) * std::min(1.0, s.rows_read / *facts.rows);
    s.bytes_read = bytes * std::max(1.0, s.loops);
    const double share = s.rows_kept / std::max(1.0, s.rows_read);
    const double part = above.limit ? std::min(1.0, *above.limit / std::max(1.0, s.rows_kept)) : 1;
    if (s.bytes_read < static_cast<double>(options_.floor_bytes) || share >= few_rows) return false;
    s.stopped_early = part * s.bytes_read < static_cast<double>(options_.floor_bytes);
    if (s.stopped_early) {
      say(s, ScanVerdict::rightful, Confidence::medium, "LIMIT stops the scan early, where matching rows are frequent");
      return true;
    }
    say(s, ScanVerdict::harmful, Confidence::medium,
        fmt::format("the index finds {}, of which the rest of the condition keeps {}", rows_text(s.rows_read),
                    rows_text(s.rows_kept)));
    return true;
  }

  void say(Scan& s, ScanVerdict v, Confidence c, std::string reason) const {
    s.verdict = v;
    s.confidence = options_.generic ? std::min(c, Confidence::medium) : c;
    s.reason = std::move(reason);
  }

  void verdict(Scan& s, const PlanNode& node, const Above& above, const RelationFacts* facts) const {
    using enum ScanVerdict;
    if (facts != nullptr && facts->size_known && facts->heap_bytes + facts->toast_bytes <= 0)
      return say(s, rightful, Confidence::high, "the relation is empty");
    if (facts == nullptr || !facts->size_known || facts->heap_bytes + facts->toast_bytes <= 0)
      return say(s, unsure, Confidence::low, "the size of the relation is not known");
    const auto bytes = static_cast<double>(facts->heap_bytes + facts->toast_bytes);
    const bool counted = facts->rows && *facts->rows > 0;
    // A relation that was never analysed: about 100 bytes a row, the planner's own guess is no better.
    s.rows_read = std::max(counted ? *facts->rows : static_cast<double>(facts->heap_bytes) / 100, s.rows_kept);
    double together = bytes, share = s.rows_kept / std::max(1.0, s.rows_read);
    if (const auto p = partitions_.find({above.append, facts->parent}); p != partitions_.end()) {
      const Partitions& all = p->second;
      const Selects selects = selects_partitions(node, *facts);
      // An execution will leave out what the plan still shows.
      const bool later = selects != Selects::none && (options_.generic || !pruning_);
      const bool part = later && !options_.generic;
      const bool few = counted && all.most < few_rows;  // of the rows of each partition: that many values are in one
      if ((selects == Selects::only_values && !few) ||
          (later && selects == Selects::only_ranges && (options_.generic || all.most >= few_rows)))
        return say(s, rightful, Confidence::medium, "its condition selects partitions, which are then read whole");
      together = later ? all.largest : all.bytes;
      if (all.scans > 1) share = part ? all.most : all.kept / std::max(1.0, all.rows);
    }
    const double repeated = together * (bytes >= 64 * 8192 ? std::max(1.0, s.loops) : 1);
    s.bytes_read = repeated;
    if (above.through > 0) {
      s.rewrite =
          "NOT IN over a subquery takes no index: NOT EXISTS is an anti join, and with more work_mem it is a "
          "hash table";
      return say(s, harmful, Confidence::medium,
                 fmt::format("{} are looked through again for each of {}: no hash table of them fits into work_mem",
                             rows_text(above.kept), rows_text(above.through)));
    }
    s.small = repeated < static_cast<double>(options_.floor_bytes);
    if (s.small) return say(s, rightful, Confidence::high, "the relation is small");
    if (above.removed && options_.generic)
      return say(s, unsure, Confidence::low, "partitions were pruned away before the plan was shown");
    if (is_volatile(s.filter)) return say(s, rightful, Confidence::high, "no index can serve a volatile condition");

    if (!s.filter.empty() && share < few_rows) return selective(s, above, counted, share, bytes);
    if (above.fence && above.fence->kept < few_rows * s.rows_read) return fenced(s, *above.fence);
    if (above.top && sorts(s, above)) {
      s.first_sorted = !s.filter.empty() || above.joined;
      s.first = *above.top;
      return say(s, harmful, s.first_sorted ? Confidence::medium : Confidence::high,
                 fmt::format("all rows{} are read and sorted to return the first {:.0f}",
                             s.filter.empty() ? "" : " that its condition keeps", *above.top));
    }
    if (above.min_max && s.filter.empty())
      return say(s, harmful, Confidence::high, "all rows are read to find the smallest or the largest");
    s.stopped_early = above.limit && !above.joined;
    if (above.limit && s.filter.empty() && !above.joined)
      return say(s, rightful, Confidence::high, "LIMIT stops the scan early");
    if (above.anti) return say(s, rightful, Confidence::medium, "an anti join has to look at every row");
    if (above.joined && *above.joined < few_rows * s.rows_read)
      return say(s, harmful, *above.joined < very_few * s.rows_read ? Confidence::high : Confidence::low,
                 fmt::format("all rows are read to join {}", rows_text(*above.joined)));
    if (s.loops >= 2 && above.joined)
      return say(s, harmful, Confidence::medium, fmt::format("it is read again for each of {}", rows_text(s.loops)));
    if (s.filter.empty()) return say(s, rightful, Confidence::high, "every row is needed");
    if (options_.generic && contains(s.filter, "$") && share < 0.5)
      return say(s, unsure, Confidence::low, "planned without values: how many rows the condition keeps is a guess");
    say(s, rightful, Confidence::high, fmt::format("it keeps {:.0f} % of the rows", share * 100));
  }

  // What selects its rows stands outside of what is computed whole.
  void fenced(Scan& s, const Fence& fence) const {
    s.rewrite = fence.cte.empty()
                    ? "its condition stays outside of a view that is a security barrier, or of OFFSET 0: only what is "
                      "LEAKPROOF is asked of the table itself"
                    : fmt::format(
                          "WITH {} is computed whole, since it is read more than once or MATERIALIZED: AS NOT "
                          "MATERIALIZED lets the conditions through to the table",
                          sql::quote_identifier(fence.cte));
    const bool sure = !fence.cte.empty() && fence.kept < very_few * s.rows_read;
    say(s, ScanVerdict::harmful, sure ? Confidence::medium : Confidence::low,
        fmt::format("all rows are read, of which {} are kept afterwards", rows_text(fence.kept)));
  }

  // Do the first rows in order come with few of all? Of those that are met in that order the rest of the condition, and
  // the joins above, drop some.
  static bool sorts(const Scan& s, const Above& above) {
    if (above.joined && s.alias != above.sorted) return false;
    double kept = s.filter.empty() ? s.rows_read : s.rows_kept;
    if (above.joined) kept = std::min(kept, *above.joined);
    return *above.top < few_rows * kept;
  }

  // A condition that keeps few rows of many.
  void selective(Scan& s, const Above& above, bool counted, double share, double bytes) const {
    using enum ScanVerdict;
    // LIMIT stops the scan after its share of the matching rows, where these lie scattered.
    const double part = above.limit ? std::min(1.0, *above.limit / std::max(1.0, s.rows_kept)) : 1;
    const bool soon = part * bytes < static_cast<double>(options_.floor_bytes);
    s.stopped_early = soon;
    if (soon && share >= very_few)
      return say(s, rightful, Confidence::medium, "LIMIT stops the scan early, since matching rows are frequent");
    Confidence c = share < very_few ? Confidence::high : Confidence::medium;
    if (!counted || soon || (options_.generic && hides_index(s.filter))) c = Confidence::low;
    say(s, harmful, c,
        fmt::format("the condition keeps {} of {}{}", rows_text(s.rows_kept), rows_text(s.rows_read),
                    s.loops >= 2 ? fmt::format(", {:.0f} times in one execution", s.loops) : ""));
  }

  const PartitionsRead partitions_;
  const std::map<std::string, Fence> fences_;
  const bool pruning_;  // the plan has only partitions that its constants leave
  const std::vector<RelationFacts>& facts_;
  const JudgeOptions& options_;
};

}  // namespace

std::string_view to_string(ScanVerdict v) {
  static constexpr std::string_view names[] = {"harmful", "rightful", "unsure"};
  return names[static_cast<std::size_t>(v)];
}

std::vector<Scan> judge(const std::string& plan_json, const std::vector<RelationFacts>& facts,
                        const JudgeOptions& options) {
  const PlanTree plan = parse_plan(plan_json);
  Judge judge(plan, facts, options);
  judge.walk(plan.root, {});
  return std::move(judge.scans);
}

}  // namespace pgvigil
