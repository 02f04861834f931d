// What is remembered of the plans of hot queries, beyond the window: the newest plan of each, and the better one that
// it had before. Never asked: made from the answers of `plans` (checks/plans/remember.h), and kept as any other answer.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct KnownPlan {
  std::string database = {}, query_id = {};
  std::string source = {};                // of the plans: literals, generic
  std::string query = {};                 // normalised, its beginning
  std::string name = {};                  // of a query named in the configuration
  double last_hot = 0;                    // epoch seconds of the newest plan
  std::int64_t changes = 0;               // of its shape, since it is known
  std::string shape = {};                 // newest plan: hash of node types, relations and indexes
  std::string root = {};                  // its topmost node: "Limit"
  double cost = 0;                        // the planner's; after a change, the highest of its first quarter of an hour
  std::vector<std::string> reads = {};    // how it reads each relation, see PlanRead
  std::optional<double> changed_at = {};  // epoch seconds: since when the plan below is missed; none: no other is known
  std::string before_shape = {}, before_root = {};
  double before_cost = 0;
  std::vector<std::string> before_reads = {};
  // Figures of the newest plan for the metrics; none when it is older than a quarter of an hour.
  std::optional<double> hot = {};       // 1
  std::optional<double> hot_cost = {};  // the planner's newest
  std::optional<double> seq_rows = {};  // rows that one execution reads by sequential scans
  std::optional<double> harmful = {};   // 1: one of its scans is harmful
};

// One way in which a plan reads a relation. Names are unquoted, as EXPLAIN prints them.
struct PlanRead {
  std::string schema, relation;
  std::string way;            // "Parallel Seq Scan", "Bitmap Heap Scan"
  std::string index;          // "" where it uses none
  std::string title() const;  // "Index Scan using docs_pkey"
  bool operator==(const PlanRead&) const = default;
};
std::string to_text(const PlanRead& read);
PlanRead plan_read(std::string_view text);
std::vector<PlanRead> plan_reads(const std::vector<std::string>& texts);

extern const Probe<KnownPlan> known_plans;

}  // namespace pgvigil
