#include "checks/plans/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>

#include "checks/plans/plan_tree.h"
#include "checks/plans/sql.h"

namespace pgvigil {
namespace {

constexpr double kFew = 0.05;       // a scan that keeps less of what it reads is harmful
constexpr double kPage = 100;       // rows: a LIMIT that is not known
constexpr double kVeryFew = 0.005;  // ... and beyond doubt: at 1 to 2 % of scattered rows an index gains a factor of 3

constexpr double kQuadratic = 1e8;  // comparisons of rows with rows: NOT IN of 10,000 in 10,000 takes seconds

// What stands above a scan, as far as it decides whether all of the relation must be read.
struct Above {
  double loops = 1;
  double processes = 1;          // parallel processes that share a partial scan
  std::optional<double> limit;   // LIMIT that can stop the scan early
  std::optional<double> top;     // LIMIT above a Sort: all is read to return these
  std::string sorted;            // ... by columns of the relation with this alias; "" when of several
  std::optional<double> joined;  // rows of the smallest join above
  double through = 0, kept = 0;  // so many rows look through what a subquery keeps, which is no hash table
  bool min_max = false;          // min() or max() of all rows
  bool anti = false;
  bool grouped = false;
  std::string join_condition;      // of the nearest join
  const PlanNode* heap = nullptr;  // the bitmap heap scan that an index scan works for
  bool removed = false;            // pruning took partitions away, so that the plan says nothing of them
};

bool contains(std::string_view s, std::string_view part) { return s.find(part) != std::string_view::npos; }

bool mentions(const PlanNode& node, const std::string& what) {
  return contains(node.filter, what) ||
         std::any_of(node.output.begin(), node.output.end(), [&](const std::string& o) { return contains(o, what); });
}

bool only_min_max(const PlanNode& aggregate) {
  if (aggregate.strategy != "Plain" || aggregate.output.empty()) return false;
  return std::all_of(aggregate.output.begin(), aggregate.output.end(), [](std::string_view e) {
    if (e.starts_with("PARTIAL ")) e.remove_prefix(8);
    return e.starts_with("min(") || e.starts_with("max(") || e.starts_with("(min(") || e.starts_with("(max(");
  });
}

// "posts.created_at DESC", "(lower(posts.name))": the one alias that VERBOSE qualifies their columns with.
std::string sorted_relation(const std::vector<std::string>& keys) {
  std::string alias;
  for (const std::string& key : keys) {
    const auto dot = key.find('.');
    if (dot == std::string::npos) return "";
    const auto begin = key.find_last_of("( ", dot);
    const std::string one = key.substr(begin == std::string::npos ? 0 : begin + 1, dot - (begin + 1));
    if (!alias.empty() && one != alias) return "";
    alias = one;
  }
  return alias;
}

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
  Judge(const std::vector<RelationFacts>& facts, const JudgeOptions& options) : facts_(facts), options_(options) {}

  void walk(const PlanNode& node, Above above) {
    const bool index = node.type == "Index Scan" || node.type == "Index Only Scan" || node.type == "Bitmap Heap Scan";
    if (node.type == "Seq Scan" || (index && !node.filter.empty())) scan(node, above);
    if ((index || node.type == "Bitmap Index Scan") && options_.walked) walk_of_index(node, above);

    below(node, above, options_);
    const PlanNode* outer = nullptr;
    const bool join = node.type == "Nested Loop" || node.type == "Hash Join" || node.type == "Merge Join";
    for (const PlanNode& child : node.children) {
      Above next = above;
      if (child.relationship == "Outer") outer = &child;
      if (child.relationship == "Inner" && node.type == "Nested Loop" && outer != nullptr) {
        next.limit.reset();
        if (child.type != "Materialize") next.loops *= std::max(1.0, outer->rows);
      }
      // Of an anti join one side is kept, of the other only the rows that match it are looked for.
      const PlanNode* kept = node.join_type == "Anti"         ? outer
                             : node.join_type == "Right Anti" ? inner_of(node)
                                                              : nullptr;
      if (join && kept != nullptr && kept != &child) {
        next.anti = false;
        next.joined = kept->rows * above.processes;
      }
      if (child.relationship == "SubPlan" || child.relationship == "InitPlan") {
        next = Above{};
        next.removed = above.removed;
        const bool hashed = mentions(node, "hashed " + child.subplan);
        if (child.relationship == "SubPlan" && !hashed && child.subplan.starts_with("SubPlan"))
          subplan(child, above.loops * std::max(1.0, node.rows), next);
      }
      // A join that a LIMIT stops looks on its inner side for what belongs to those few rows.
      if (join && above.limit && child.relationship == "Inner" && node.type != "Nested Loop" && outer != nullptr) {
        const double each = std::max(1.0, node.rows / std::max(1.0, outer->rows));
        next.joined = std::min(next.joined.value_or(*above.limit * each), *above.limit * each);
      }
      if (never_read(child)) next.limit = 1;
      walk(child, next);
    }
  }

  // Partitions of one parent are one relation: together they are large, or one of them is read.
  void measure(const PlanNode& root) {
    each_node(root, [&](const PlanNode& node, int) {
      if (node.type != "Seq Scan") return;
      const RelationFacts* f = facts_of(node);
      if (f == nullptr || f->parent.empty()) return;
      Partitions& p = partitions_[f->parent];
      const auto bytes = static_cast<double>(f->heap_bytes + f->toast_bytes);
      p.all += bytes;
      p.largest = std::max(p.largest, bytes);
    });
  }

  std::vector<Scan> scans;

 private:
  static void subplan(const PlanNode& child, double times, Above& a) {
    if (child.type != "Materialize")
      a.loops = times;
    else if (times * child.rows >= kQuadratic)
      a.through = times, a.kept = child.rows;
  }

  // EXISTS: nothing of its rows is wanted, and the first one ends it.
  static bool never_read(const PlanNode& child) {
    return (child.relationship == "SubPlan" || child.relationship == "InitPlan") && child.output.empty() &&
           !child.subplan.starts_with("CTE");
  }

  static const PlanNode* inner_of(const PlanNode& join) {
    for (const PlanNode& child : join.children)
      if (child.relationship == "Inner") return &child;
    return nullptr;
  }

  // What this node means to its children.
  static void below(const PlanNode& node, Above& a, const JudgeOptions& options) {
    const std::string& type = node.type;
    if (type == "Gather" || type == "Gather Merge") {
      // The leader helps the less the more workers it reads from.
      a.processes = node.workers + std::max(0.0, 1 - 0.3 * node.workers);
    } else if (type == "Limit") {
      a.limit = node.rows;
      a.joined.reset();
      // LIMIT $1 is planned as a tenth of all rows; real ones are a page.
      if (options.generic && !node.children.empty() && node.rows > 1 &&
          std::abs(node.rows - node.children[0].rows / 10) <= 0.01 * node.rows + 1)
        a.limit = kPage;
    } else if (type == "Sort" || type == "Incremental Sort") {
      if (a.limit) a.top = a.limit, a.sorted = sorted_relation(node.sort_keys);
      a.limit.reset();
    } else if (type == "Aggregate" || type == "Group" || type == "WindowAgg" || type == "SetOp") {
      const bool again = node.partial_mode == "Partial" && a.min_max;
      a.limit.reset(), a.top.reset();
      // What only makes the keys of a join distinct leaves it to the join how many are needed.
      if (node.group_keys.empty() || node.output.size() > node.group_keys.size()) a.joined.reset();
      a.anti = false;
      a.grouped = a.grouped || !node.group_keys.empty();
      a.min_max = again || (type == "Aggregate" && only_min_max(node));
    } else if (type == "Hash") {
      a.limit.reset();
    } else if (type == "Nested Loop" || type == "Hash Join" || type == "Merge Join") {
      a.min_max = false;
      if (a.sorted.empty()) a.top.reset();
      a.join_condition = node.join_condition;
      if (node.join_type == "Anti" || node.join_type == "Right Anti") {
        a.anti = true;
        a.joined.reset();
      } else if (!a.anti) {
        const double rows = node.rows * a.processes;
        a.joined = a.joined ? std::min(*a.joined, rows) : rows;
      }
    }
    if (type == "Bitmap Heap Scan") a.heap = &node;
    if (node.subplans_removed > 0) a.removed = true;
  }

  const RelationFacts* facts_of(const PlanNode& node) const {
    const std::string relation = sql::quote_identifier(node.relation);
    const std::string name = sql::quote_identifier(node.schema) + "." + relation;
    for (const RelationFacts& f : facts_)
      if (node.schema.empty() ? f.name == relation || f.name.ends_with("." + relation) : f.name == name) return &f;
    return nullptr;
  }

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
    const RelationFacts* facts = facts_of(node);
    if (s.index && !node.index_condition.empty()) {
      if (facts == nullptr || !through_index(s, node, above, *facts)) return;
    } else {
      verdict(s, above, facts);
    }
    scans.push_back(std::move(s));
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
    if (part * s.bytes_read < static_cast<double>(options_.floor_bytes) || share >= kFew) return false;
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

  void verdict(Scan& s, const Above& above, const RelationFacts* facts) const {
    using enum ScanVerdict;
    if (facts != nullptr && facts->size_known && facts->heap_bytes + facts->toast_bytes <= 0)
      return say(s, rightful, Confidence::high, "the relation is empty");
    if (facts == nullptr || !facts->size_known || facts->heap_bytes + facts->toast_bytes <= 0)
      return say(s, unsure, Confidence::low, "the size of the relation is not known");
    const auto bytes = static_cast<double>(facts->heap_bytes + facts->toast_bytes);
    const bool counted = facts->rows && *facts->rows > 0;
    double together = bytes;
    if (const auto p = partitions_.find(facts->parent); p != partitions_.end()) {
      const bool chosen = chooses_partition(s.filter, *facts);
      if (chosen && only_chooses(s.filter, *facts))
        return say(s, rightful, Confidence::medium, "its condition selects partitions, which are then read whole");
      together = chosen && options_.generic ? p->second.largest : p->second.all;
    }
    // A relation that was never analysed: about 100 bytes a row, the planner's own guess is no better.
    s.rows_read = std::max(counted ? *facts->rows : static_cast<double>(facts->heap_bytes) / 100, s.rows_kept);
    const double repeated = together * (bytes >= 64 * 8192 ? std::max(1.0, s.loops) : 1);
    s.bytes_read = repeated;
    s.looked_through = above.through > 0;
    if (s.looked_through)
      return say(s, harmful, Confidence::medium,
                 fmt::format("{} are looked through again for each of {}: no hash table of them fits into work_mem",
                             rows_text(above.kept), rows_text(above.through)));
    s.small = repeated < static_cast<double>(options_.floor_bytes);
    if (s.small) return say(s, rightful, Confidence::high, "the relation is small");
    if (above.removed) return say(s, unsure, Confidence::low, "partitions were pruned away before the plan was shown");
    if (is_volatile(s.filter)) return say(s, rightful, Confidence::high, "no index can serve a volatile condition");

    const double share = s.rows_kept / std::max(1.0, s.rows_read);
    if (!s.filter.empty() && share < kFew) return selective(s, above, counted, share, bytes);
    if (above.top && sorts(s, above)) {
      s.first_sorted = !s.filter.empty() || above.joined;
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
    if (above.joined && *above.joined < kFew * s.rows_read)
      return say(s, harmful, *above.joined < kVeryFew * s.rows_read ? Confidence::high : Confidence::low,
                 fmt::format("all rows are read to join {}", rows_text(*above.joined)));
    if (s.loops >= 2 && above.joined)
      return say(s, harmful, Confidence::medium, fmt::format("it is read again for each of {}", rows_text(s.loops)));
    if (s.filter.empty()) return say(s, rightful, Confidence::high, "every row is needed");
    if (options_.generic && contains(s.filter, "$") && share < 0.5)
      return say(s, unsure, Confidence::low, "planned without values: how many rows the condition keeps is a guess");
    say(s, rightful, Confidence::high, fmt::format("it keeps {:.0f} % of the rows", share * 100));
  }

  // Do the first rows in order come with few of all? Of those that are met in that order the rest of the condition, and
  // the joins above, drop some.
  static bool sorts(const Scan& s, const Above& above) {
    if (above.joined && s.alias != above.sorted) return false;
    double kept = s.filter.empty() ? s.rows_read : s.rows_kept;
    if (above.joined) kept = std::min(kept, *above.joined);
    return *above.top < kFew * kept;
  }

  // A condition that keeps few rows of many.
  void selective(Scan& s, const Above& above, bool counted, double share, double bytes) const {
    using enum ScanVerdict;
    // LIMIT stops the scan after its share of the matching rows, where these lie scattered.
    const double part = above.limit ? std::min(1.0, *above.limit / std::max(1.0, s.rows_kept)) : 1;
    const bool soon = part * bytes < static_cast<double>(options_.floor_bytes);
    s.stopped_early = soon;
    if (soon && share >= kVeryFew)
      return say(s, rightful, Confidence::medium, "LIMIT stops the scan early, since matching rows are frequent");
    Confidence c = share < kVeryFew ? Confidence::high : Confidence::medium;
    if (!counted || soon || (options_.generic && hides_index(s.filter))) c = Confidence::low;
    say(s, harmful, c,
        fmt::format("the condition keeps {} of {}{}", rows_text(s.rows_kept), rows_text(s.rows_read),
                    s.loops >= 2 ? fmt::format(", {:.0f} times in one execution", s.loops) : ""));
  }

  // One value of each column of the key.
  static bool chooses_partition(std::string_view filter, const RelationFacts& facts) {
    return !facts.partition_key.empty() &&
           std::all_of(facts.partition_key.begin(), facts.partition_key.end(), [&](const std::string& column) {
             return contains(filter, "." + column + " = ") || contains(filter, "(" + column + " = ");
           });
  }
  static bool only_chooses(std::string_view filter, const RelationFacts& facts) {
    const auto conditions = static_cast<std::size_t>(std::count(filter.begin(), filter.end(), '='));
    return conditions == facts.partition_key.size() && !contains(filter, " > ") && !contains(filter, " < ") &&
           !contains(filter, "~~") && !contains(filter, "@");
  }

  struct Partitions {
    double all = 0, largest = 0;
  };
  std::map<std::string, Partitions> partitions_;  // that are scanned, by parent
  const std::vector<RelationFacts>& facts_;
  const JudgeOptions& options_;
};

}  // namespace

std::string_view to_string(ScanVerdict v) {
  static constexpr std::string_view names[] = {"harmful", "rightful", "unsure"};
  return names[static_cast<std::size_t>(v)];
}

std::vector<PlanRelation> plan_relations(const std::string& plan_json) {
  std::vector<PlanRelation> all;
  try {
    each_node(parse_plan(plan_json).root, [&](const PlanNode& node, int) {
      PlanRelation r{node.schema, node.relation};
      if (r.relation.empty()) return;
      if (std::none_of(all.begin(), all.end(),
                       [&](const PlanRelation& k) { return k.schema == r.schema && k.relation == r.relation; }))
        all.push_back(std::move(r));
    });
  } catch (const std::invalid_argument&) {
    all.clear();
  }
  return all;
}

std::string plan_shape(const std::string& plan_json) {
  std::string shape;
  try {
    each_node(parse_plan(plan_json).root, [&](const PlanNode& node, int depth) {
      shape += std::to_string(depth) + node.title();
      for (const std::string* v : {&node.join_type, &node.strategy, &node.schema, &node.relation, &node.index})
        if (!v->empty()) shape += " " + *v;
      shape += "\n";
    });
  } catch (const std::invalid_argument&) {
    shape.clear();
  }
  return shape;
}

std::vector<Scan> judge(const std::string& plan_json, const std::vector<RelationFacts>& facts,
                        const JudgeOptions& options) {
  const PlanTree plan = parse_plan(plan_json);
  Judge judge(facts, options);
  judge.measure(plan.root);
  judge.walk(plan.root, {});
  return std::move(judge.scans);
}

}  // namespace pgvigil
