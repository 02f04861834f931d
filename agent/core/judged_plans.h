// The newest plan of each hot query as a person reads it: its nodes in order, and what is thought of each scan.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "checks/check.h"
#include "checks/plans/judge.h"
#include "checks/probes/known_plans.h"

namespace pgvigil {

struct JudgedNode {
  int number = 0, depth = 0;
  std::string title;
  double rows = 0, cost = 0;
  std::vector<std::pair<std::string, std::string>> details = {};  // "filter", its text
  // Of a scan that was judged.
  std::optional<ScanVerdict> verdict = {};
  Confidence confidence = Confidence::medium;
  std::string reason = {};
};

struct JudgedPlan {
  std::string database, query_id, name, query, source, rewritten;
  // Empty nodes: there is no plan, for this reason in a word and in a sentence.
  std::string refused = {}, error = {};
  std::vector<JudgedNode> nodes = {};
  std::string shape = {};
  std::vector<std::string> reads = {};  // how it reads each relation: "Index Scan using docs_pkey on public.docs"
  ScanVerdict verdict = ScanVerdict::rightful;
  std::string reason = {};  // of the worst scan
  std::string cure = {};    // "index on public.docs (dump_id, path)"; "" when no index is
  double cost() const { return nodes.empty() ? 0 : nodes.front().cost; }
};

std::string read_in_words(const PlanRead& read);

// In the order of database and query id.
std::vector<JudgedPlan> judge_plans(const Input& in);

// "filter", "index condition" ... of a node, with their texts in one line.
std::vector<std::pair<std::string, std::string>> details_of(const PlanNode& node);

}  // namespace pgvigil
