// Plans of hot queries: EXPLAIN (FORMAT JSON), never ANALYZE. Second wave: planned from the load samples.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

class Input;

// The id of a query that the configuration names is this and its name, whether it runs now or not.
inline constexpr std::string_view kConfigured = "config:";

struct Plan {
  std::string query_id = {}, database = {}, user = {};
  std::string query = {};                 // normalised text
  std::string name = {};                  // of a query named in the configuration
  std::string json = {};                  // the plan; literals in its expressions replaced by ?
  std::string source = {};                // literals, generic
  std::string rewritten = {};             // what was changed of the text so that it has a plan; "" as it is
  std::vector<std::string> schemas = {};  // searched before the user's own path
  std::string sqlstate = {}, error = {};  // instead of a plan
  std::string reason = {};                // of the refusal: privilege, syntax, parameter_type, lock ...
};

// How many queries may be explained now, and why not more; "" when nothing is held back.
struct ExplainAllowance {
  std::size_t most = 0;
  std::string why = {};
};
ExplainAllowance explain_allowance(const Input& in);

extern const Probe<Plan> plans;
std::vector<Column<Plan>> plan_columns();  // shared with hypothetical_plans
std::string plan_key(const Plan& p);

}  // namespace pgvigil
