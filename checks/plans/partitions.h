// The partitions of one table that a plan scans: together they are large, or one of them is read.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "checks/plans/judge.h"
#include "checks/plans/plan_tree.h"

namespace pgvigil {

struct Partitions {
  double bytes = 0, largest = 0;
  double kept = 0, rows = 0;
  double most = 0;  // the largest share of its rows that one of them keeps
  std::size_t scans = 0;
};
// By the Append above them and their parent.
using PartitionsRead = std::map<std::pair<int, std::string>, Partitions>;
PartitionsRead partitions_read(const PlanNode& root, const std::vector<RelationFacts>& facts);

const RelationFacts* facts_of(const std::vector<RelationFacts>& facts, const PlanNode& node);

// Does a condition leave only some partitions to be read, each of them whole?
enum class Selects : std::uint8_t { none, some, only_values, only_ranges };
Selects selects_partitions(const PlanNode& scan, const RelationFacts& facts);

}  // namespace pgvigil
