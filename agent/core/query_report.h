// What `pgvigil explain` says of one query: its plan, which scans of it are harmful, why, and the cure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/core/render_text.h"
#include "checks/check.h"
#include "checks/plans/judge.h"

namespace pgvigil {

struct QueryScan {
  Scan scan;
  std::string object;  // qualified; of a partition: the topmost parent
  std::string cure;    // "public.docs (dump_id, path)"; "" when no index is the cure
  std::string why;     // why no index serves it, or why none would
  std::string inside;  // "function public.find_part": of a statement in its body, not of the query's own plan
};

// The cure of the whole query: that of its worst table.
struct QueryCure {
  std::vector<std::string> indexes;      // statements to paste
  std::vector<std::string> definitions;  // "public.docs (dump_id, path)"
  std::string none;                      // why no new index is the cure: one of the words of to_string(Obstacle)
  std::string why;
  std::string verified = "unverified";              // hypopg, statistics, unverified
  std::optional<double> cost_before, cost_after;    // by hypopg: the planner's
  std::optional<double> pages_before, pages_after;  // by statistics: of one execution
};

struct QueryReport {
  std::string database, query_id;
  std::string query;      // normalised
  std::string source;     // generic, literals
  std::string rewritten;  // what was changed of the text so that it has a plan
  std::string plan_json;  // literals blanked
  std::optional<Failure> error;
  std::string refused;  // the reason in one word
  ScanVerdict verdict = ScanVerdict::rightful;
  Confidence confidence = Confidence::high;
  std::string object, reason;
  std::vector<QueryScan> scans;  // the worst first
  QueryCure cure;
  std::vector<Remedy> remedies;
};

// Of the query that the context names `name`; its plan is among the observations, or the reason why there is none.
QueryReport report_on_query(const Input& in, const std::string& name);

// schema 1, documented in docs/explain.md.
std::string render_query_json(const QueryReport& report);
std::string render_query_text(const QueryReport& report, const TextOptions& options);

}  // namespace pgvigil
