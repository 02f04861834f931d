#include "checks/plans/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "checks/plans/sql.h"

namespace pgvigil {
namespace {

using Json = nlohmann::json;

constexpr int kDeepest = 500;
constexpr double kFew = 0.05;       // a scan that keeps less of what it reads is harmful
constexpr double kVeryFew = 0.005;  // ... and beyond doubt: at 1 to 2 % of scattered rows an index gains a factor of 3

// What stands above a scan, as far as it decides whether all of the relation must be read.
struct Above {
  double loops = 1;
  double processes = 1;          // parallel processes that share a partial scan
  std::optional<double> limit;   // LIMIT that can stop the scan early
  std::optional<double> top;     // LIMIT above a Sort: all is read to return these
  std::optional<double> joined;  // rows of the smallest join above
  bool min_max = false;          // min() or max() of all rows
  bool anti = false;
  bool removed = false;  // pruning took partitions away, so that the plan says nothing of them
};

const Json& member(const Json& node, const char* key) {
  static const Json none;
  const auto it = node.find(key);
  return it == node.end() ? none : *it;
}
std::string text(const Json& node, const char* key) {
  const Json& v = member(node, key);
  return v.is_string() ? v.get<std::string>() : std::string();
}
double number(const Json& node, const char* key) {
  const Json& v = member(node, key);
  return v.is_number() ? v.get<double>() : 0;
}
bool flag(const Json& node, const char* key) {
  const Json& v = member(node, key);
  return v.is_boolean() && v.get<bool>();
}

Json parse(const std::string& plan) {
  Json all = Json::parse(plan, nullptr, false);
  if (!all.is_array() || all.empty() || !all[0].is_object() || !member(all[0], "Plan").is_object())
    throw std::invalid_argument("not a plan of EXPLAIN (FORMAT JSON)");
  return std::move(all[0]["Plan"]);
}

template <class Visit>
void each_node(const Json& node, int depth, Visit&& visit) {
  if (!node.is_object() || depth > kDeepest) return;
  visit(node, depth);
  if (const Json& children = member(node, "Plans"); children.is_array())
    for (const Json& child : children) each_node(child, depth + 1, visit);
}

bool contains(std::string_view s, std::string_view part) { return s.find(part) != std::string_view::npos; }

bool mentions(const Json& node, const std::string& what) {
  const Json& output = member(node, "Output");
  return contains(text(node, "Filter"), what) ||
         (output.is_array() && std::any_of(output.begin(), output.end(), [&](const Json& o) {
            return o.is_string() && contains(o.get_ref<const std::string&>(), what);
          }));
}

bool only_min_max(const Json& aggregate) {
  const Json& output = member(aggregate, "Output");
  if (text(aggregate, "Strategy") != "Plain" || !output.is_array() || output.empty()) return false;
  return std::all_of(output.begin(), output.end(), [](const Json& o) {
    std::string e = o.is_string() ? o.get<std::string>() : std::string();
    if (e.starts_with("PARTIAL ")) e.erase(0, 8);
    return e.starts_with("min(") || e.starts_with("max(") || e.starts_with("(min(") || e.starts_with("(max(");
  });
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

  void walk(const Json& node, Above above, int depth) {
    if (!node.is_object() || depth > kDeepest) return;
    const std::string type = text(node, "Node Type");
    if (type == "Seq Scan") scan(node, above, type);
    const bool index = type == "Index Scan" || type == "Index Only Scan";
    if (index && !text(node, "Filter").empty() && text(node, "Index Cond").empty()) scan(node, above, type);

    const Json& children = member(node, "Plans");
    if (!children.is_array()) return;
    below(node, type, above);
    const Json* outer = nullptr;
    for (const Json& child : children) {
      if (!child.is_object()) continue;
      Above next = above;
      const std::string relation = text(child, "Parent Relationship");
      if (relation == "Outer") outer = &child;
      if (relation == "Inner" && type == "Nested Loop" && outer != nullptr) {
        next.limit.reset();
        const double rescans = std::max(1.0, number(*outer, "Plan Rows"));
        if (const std::string t = text(child, "Node Type"); t != "Materialize") next.loops *= rescans;
      }
      if (relation == "SubPlan" || relation == "InitPlan") {
        const std::string name = text(child, "Subplan Name");
        next = Above{};
        next.removed = above.removed;
        const bool hashed = mentions(node, "hashed " + name);
        if (relation == "SubPlan" && !hashed && name.starts_with("SubPlan"))
          next.loops = above.loops * std::max(1.0, number(node, "Plan Rows"));
      }
      walk(child, next, depth + 1);
    }
  }

  std::vector<Scan> scans;

 private:
  // What this node means to its children.
  static void below(const Json& node, const std::string& type, Above& a) {
    if (type == "Gather" || type == "Gather Merge") {
      const double workers = number(node, "Workers Planned");
      a.processes =
          workers + std::max(0.0, 1 - 0.3 * workers);  // the leader helps the less the more workers it reads from
    } else if (type == "Limit") {
      a.limit = number(node, "Plan Rows");
    } else if (type == "Sort" || type == "Incremental Sort") {
      if (a.limit) a.top = a.limit;
      a.limit.reset();
    } else if (type == "Aggregate" || type == "Group" || type == "WindowAgg" || type == "SetOp") {
      const bool again = text(node, "Partial Mode") == "Partial" && a.min_max;
      a.limit.reset(), a.top.reset(), a.joined.reset();
      a.anti = false;
      a.min_max = again || (type == "Aggregate" && only_min_max(node));
    } else if (type == "Hash") {
      a.limit.reset();
    } else if (type == "Nested Loop" || type == "Hash Join" || type == "Merge Join") {
      a.min_max = false;
      a.top.reset();
      const std::string join = text(node, "Join Type");
      if (join == "Anti" || join == "Right Anti") {
        a.anti = true;
        a.joined.reset();
      } else if (!a.anti) {
        const double rows = number(node, "Plan Rows") * a.processes;
        a.joined = a.joined ? std::min(*a.joined, rows) : rows;
      }
    }
    if (number(node, "Subplans Removed") > 0) a.removed = true;
  }

  const RelationFacts* facts_of(const Scan& s) const {
    const std::string relation = sql::quote_identifier(s.relation);
    const std::string name = sql::quote_identifier(s.schema) + "." + relation;
    for (const RelationFacts& f : facts_)
      if (s.schema.empty() ? f.name == relation || f.name.ends_with("." + relation) : f.name == name) return &f;
    return nullptr;
  }

  void scan(const Json& node, const Above& above, const std::string& type) {
    Scan s;
    s.schema = text(node, "Schema");
    s.relation = text(node, "Relation Name");
    s.alias = text(node, "Alias");
    const bool parallel = flag(node, "Parallel Aware");
    s.node = (parallel ? "Parallel " : "") + type;
    const std::string filter = text(node, "Filter");
    s.filter = sql::blank_literals(filter);
    s.rows_kept = number(node, "Plan Rows") * (parallel ? above.processes : 1);
    s.loops = above.loops;
    verdict(s, above, facts_of(s));
    if (type == "Seq Scan" || s.verdict == ScanVerdict::harmful) scans.push_back(std::move(s));
  }

  void say(Scan& s, ScanVerdict v, Confidence c, std::string reason) const {
    s.verdict = v;
    s.confidence = options_.generic ? std::min(c, Confidence::medium) : c;
    s.reason = std::move(reason);
  }

  void verdict(Scan& s, const Above& above, const RelationFacts* facts) const {
    using enum ScanVerdict;
    if (facts == nullptr || facts->heap_bytes + facts->toast_bytes <= 0)
      return say(s, unsure, Confidence::low, "the size of the relation is not known");
    const auto bytes = static_cast<double>(facts->heap_bytes + facts->toast_bytes);
    const bool counted = facts->rows && *facts->rows > 0;
    // A relation that was never analysed: about 100 bytes a row, the planner's own guess is no better.
    s.rows_read = std::max(counted ? *facts->rows : static_cast<double>(facts->heap_bytes) / 100, s.rows_kept);
    const double repeated = bytes * (bytes >= 64 * 8192 ? std::max(1.0, s.loops) : 1);
    if (repeated < static_cast<double>(options_.floor_bytes))
      return say(s, rightful, Confidence::high, "the relation is small");
    if (above.removed) return say(s, unsure, Confidence::low, "partitions were pruned away before the plan was shown");
    if (is_volatile(s.filter)) return say(s, rightful, Confidence::high, "no index can serve a volatile condition");

    const double share = s.rows_kept / std::max(1.0, s.rows_read);
    if (!s.filter.empty() && share < kFew) return selective(s, above, counted, share, bytes);
    if (above.top && s.filter.empty() && *above.top < kFew * s.rows_read)
      return say(s, harmful, Confidence::high,
                 fmt::format("all rows are read and sorted to return the first {:.0f}", *above.top));
    if (above.min_max && s.filter.empty())
      return say(s, harmful, Confidence::high, "all rows are read to find the smallest or the largest");
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

  // A condition that keeps few rows of many.
  void selective(Scan& s, const Above& above, bool counted, double share, double bytes) const {
    using enum ScanVerdict;
    // LIMIT stops the scan after its share of the matching rows, where these lie scattered.
    const double part = above.limit ? std::min(1.0, *above.limit / std::max(1.0, s.rows_kept)) : 1;
    const bool soon = part * bytes < static_cast<double>(options_.floor_bytes);
    if (soon && share >= kVeryFew)
      return say(s, rightful, Confidence::medium, "LIMIT stops the scan early, since matching rows are frequent");
    Confidence c = share < kVeryFew ? Confidence::high : Confidence::medium;
    if (!counted || soon || (options_.generic && hides_index(s.filter))) c = Confidence::low;
    say(s, harmful, c,
        fmt::format("the condition keeps {} of {}{}", rows_text(s.rows_kept), rows_text(s.rows_read),
                    s.loops >= 2 ? fmt::format(", {:.0f} times in one execution", s.loops) : ""));
  }

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
    each_node(parse(plan_json), 0, [&](const Json& node, int) {
      PlanRelation r{text(node, "Schema"), text(node, "Relation Name")};
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
    each_node(parse(plan_json), 0, [&](const Json& node, int depth) {
      shape += fmt::format("{}{}", depth, flag(node, "Parallel Aware") ? "Parallel " : "") + text(node, "Node Type");
      for (const char* key : {"Join Type", "Strategy", "Schema", "Relation Name", "Index Name"})
        if (const std::string v = text(node, key); !v.empty()) shape += " " + v;
      shape += "\n";
    });
  } catch (const std::invalid_argument&) {
    shape.clear();
  }
  return shape;
}

std::vector<Scan> judge(const std::string& plan_json, const std::vector<RelationFacts>& facts,
                        const JudgeOptions& options) {
  const Json plan = parse(plan_json);
  Judge judge(facts, options);
  judge.walk(plan, {}, 0);
  return std::move(judge.scans);
}

}  // namespace pgvigil
