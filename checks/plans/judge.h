// The judge: which sequential scans of a plan are harmful. Pure: plan JSON and catalog facts in, verdicts out.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checks/finding.h"
#include "checks/plans/plan_tree.h"

namespace pgvigil {

// Of the rows that are read: who keeps less does harm; and beyond doubt: at 1 to 2 % of scattered rows an index gains a
// factor of 3.
constexpr double few_rows = 0.05, very_few = 0.005;

enum class ScanVerdict : std::uint8_t { harmful, rightful, unsure };
std::string_view to_string(ScanVerdict v);

// What is known of a relation a plan reads; bytes with TOAST only where a filter or output column needs it.
struct RelationFacts {
  std::string name;  // qualified, quoted
  std::int64_t heap_bytes = 0, toast_bytes = 0;
  std::optional<double> rows;
  std::string parent = {};                                        // of a partition
  std::vector<std::string> partition_key = {};                    // of its parent, quoted where they must be
  std::vector<std::string> subpartition_key = {}, hash_key = {};  // as Table says
  bool size_known = true;
};

// One node that reads a relation whole, or much more of it than it keeps.
struct Scan {
  int number = 0;                       // PlanNode's
  std::string schema, relation, alias;  // as EXPLAIN (VERBOSE) prints them; unquoted
  std::string node;                     // "Seq Scan", "Parallel Seq Scan"; "Index Scan" that walks all of an index
  std::string filter;                   // as printed, literals blanked
  std::string join_condition;           // of the nearest join above, literals blanked
  double rows_kept = 0;                 // per execution, all parallel processes together
  double rows_read = 0;                 // the relation's rows
  double bytes_read = 0;                // by all executions of the node
  double loops = 1;                     // executions of the node expected, from the joins above it
  bool index = false;                   // it goes through an index, and still reads much more than it keeps
  bool small = false;                   // less than the floor is read
  bool grouped = false;                 // its rows are grouped, counted or summed up
  std::string rewrite;                  // no index can serve the text as it is written: why, one sentence
  bool stopped_early = false;           // by a LIMIT, when its guess of matching rows is right
  bool first_sorted = false;            // its rows are sorted to return the first few: an index in that order has them
  double first = 0;                     // so many are returned of those that are sorted
  ScanVerdict verdict = ScanVerdict::unsure;
  Confidence confidence = Confidence::medium;
  std::string reason;  // one sentence
};

struct JudgeOptions {
  std::int64_t floor_bytes = 10LL << 20;  // reading less than this is never harmful
  bool generic = false;                   // the plan was made without values
  // Rows that an index condition finds, where statistics tell.
  std::function<std::optional<double>(const PlanNode&, bool limited)> found = {};
  // Bytes of the index that a node reads from end to end, since its condition is not on the leading column.
  std::function<std::optional<double>(const PlanNode&)> walked = {};
};
// Throws std::invalid_argument when the text is no plan of EXPLAIN (FORMAT JSON).
std::vector<Scan> judge(const std::string& plan_json, const std::vector<RelationFacts>& facts,
                        const JudgeOptions& options);

}  // namespace pgvigil
