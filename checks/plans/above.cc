#include "checks/plans/above.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>

namespace pgvigil {
namespace {

constexpr double kPage = 100;  // rows: a LIMIT that is not known

constexpr double kQuadratic = 1e8;  // comparisons of rows with rows: NOT IN of 10,000 in 10,000 takes seconds

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

void subplan(const PlanNode& child, double times, Above& a) {
  if (child.type != "Materialize")
    a.loops = times;
  else if (times * child.rows >= kQuadratic)
    a.through = times, a.kept = child.rows;
}

// EXISTS: nothing of its rows is wanted, and the first one ends it.
bool never_read(const PlanNode& child) {
  return (child.relationship == "SubPlan" || child.relationship == "InitPlan") && child.output.empty() &&
         !child.subplan.starts_with("CTE");
}

const PlanNode* inner_of(const PlanNode& join) {
  for (const PlanNode& child : join.children)
    if (child.relationship == "Inner") return &child;
  return nullptr;
}

bool reads(const PlanNode& node, const std::string& alias) {
  bool found = false;
  each_node(node, [&](const PlanNode& n, int) { found = found || (!n.relation.empty() && n.alias == alias); });
  return found;
}

// Of a join whose first rows are wanted in the order of one side: how often the other side is looked at for them, as
// long as that side is kept whole.
std::optional<double> looked_up(const PlanNode& join, const PlanNode& child, const PlanNode& outer, double first,
                                const std::string& sorted) {
  const PlanNode* inner = inner_of(join);
  if (inner == nullptr || reads(child, sorted)) return std::nullopt;
  const PlanNode& leading = &child == inner ? outer : *inner;
  const std::string& type = join.join_type;
  const bool kept = type == "Inner" || (&leading == &outer ? type == "Left" || type == "Semi" : type == "Right");
  if (!kept || !reads(leading, sorted)) return std::nullopt;
  const double each = std::max(1.0, join.rows) / std::max(1.0, leading.rows);
  return first * std::max(each, 1 / each);
}

// The Limit's own first row comes after those that OFFSET skips: its cost tells how many they are. None where all the
// rest is shown: OFFSET alone is no page.
double skipped_rows(const PlanNode& limit) {
  if (limit.children.empty()) return 0;
  const PlanNode& from = limit.children[0];
  const double each = (from.total_cost - from.startup_cost) / std::max(1.0, from.rows);
  if (each <= 0) return 0;
  const double skipped = std::clamp((limit.startup_cost - from.startup_cost) / each, 0.0, from.rows);
  return skipped + limit.rows < 0.999 * from.rows ? skipped : 0;
}

// What this node means to its children.
void enter(const PlanNode& node, Above& a, bool generic) {
  const std::string& type = node.type;
  if (type == "Gather" || type == "Gather Merge") {
    a.processes = processes_below(node);
  } else if (type == "Limit") {
    a.skipped = generic ? 0 : skipped_rows(node);  // OFFSET $1 is planned as a tenth of all rows
    a.limit = node.rows + a.skipped;
    a.joined.reset();
    // LIMIT $1 is planned as a tenth of all rows; real ones are a page.
    if (generic && !node.children.empty() && node.rows > 1 &&
        std::abs(node.rows - node.children[0].rows / 10) <= 0.01 * node.rows + 1)
      a.limit = kPage;
  } else if (type == "Sort" || type == "Incremental Sort") {
    if (a.limit) a.top = a.limit, a.sorted = sorted_relation(node.sort_keys);
    a.limit.reset();
  } else if (type == "Aggregate" || type == "Group" || type == "WindowAgg" || type == "SetOp") {
    const bool again = node.partial_mode == "Partial" && a.min_max;
    a.limit.reset(), a.top.reset(), a.skipped = 0;
    // What only makes the keys of a join distinct leaves it to the join how many are needed.
    if (node.group_keys.empty() || node.output.size() > node.group_keys.size()) a.joined.reset();
    a.anti = false;
    a.grouped = a.grouped || !node.group_keys.empty();
    a.min_max = again || (type == "Aggregate" && only_min_max(node));
  } else if (type == "Hash") {
    a.limit.reset(), a.skipped = 0;
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
  if (is_append(node)) a.append = node.number;
  const bool passes = type == "Subquery Scan" || type == "Gather" || type == "Gather Merge";
  if (!passes) a.fence.reset();
  if (type == "Subquery Scan" && !node.filter.empty()) a.fence = Fence{node.rows * a.processes};
}

}  // namespace

double processes_below(const PlanNode& gather) {
  // The leader helps the less the more workers it reads from.
  return gather.workers + std::max(0.0, 1 - 0.3 * gather.workers);
}

bool is_append(const PlanNode& node) { return node.type == "Append" || node.type == "Merge Append"; }

std::map<std::string, Fence> fences(const PlanNode& root) {
  std::map<std::string, Fence> all;
  std::set<std::string> whole;
  each_node(root, [&](const PlanNode& node, int) {
    if (node.type != "CTE Scan") return;
    if (node.filter.empty()) whole.insert(node.cte);
    Fence& f = all[node.cte];
    f.cte = node.cte;
    f.kept += node.rows;
  });
  for (const std::string& name : whole) all.erase(name);
  return all;
}

std::vector<std::pair<const PlanNode*, Above>> below(const PlanNode& node, Above above,
                                                     const std::map<std::string, Fence>& ctes, bool generic) {
  std::vector<std::pair<const PlanNode*, Above>> all;
  enter(node, above, generic);
  const PlanNode* outer = nullptr;
  const bool join = node.type == "Nested Loop" || node.type == "Hash Join" || node.type == "Merge Join";
  for (const PlanNode& child : node.children) {
    Above next = above;
    if (child.relationship == "Outer") outer = &child;
    if (child.relationship == "Inner" && node.type == "Nested Loop" && outer != nullptr) {
      next.limit.reset(), next.skipped = 0;
      if (child.type != "Materialize") next.loops *= std::max(1.0, outer->rows);
    }
    // Of an anti join one side is kept, of the other only the rows that match it are looked for.
    const PlanNode* kept = node.join_type == "Anti" ? outer : node.join_type == "Right Anti" ? inner_of(node) : nullptr;
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
      if (child.type == "Sort") next.limit.reset();  // it serves the join
      next.joined = std::min(next.joined.value_or(*above.limit * each), *above.limit * each);
    }
    const bool side = child.relationship == "Outer" || child.relationship == "Inner";
    if (join && side && outer != nullptr && above.top && !above.sorted.empty())
      if (const auto rows = looked_up(node, child, *outer, *above.top, above.sorted))
        next.joined = std::min(next.joined.value_or(*rows), *rows);
    if (never_read(child)) next.limit = 1;
    if (child.subplan.starts_with("CTE "))
      if (const auto fence = ctes.find(child.subplan.substr(4)); fence != ctes.end()) next.fence = fence->second;
    all.emplace_back(&child, std::move(next));
  }
  return all;
}

}  // namespace pgvigil
