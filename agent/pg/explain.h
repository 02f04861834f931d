// EXPLAIN of texts that others wrote. They are parsed as one prepared statement, never pasted into SQL of ours,
// in a READ ONLY transaction of their own, and whatever planning did is rolled back: it runs functions, and they may be
// hostile.
#pragma once

#include "agent/pg/own_settings.h"
#include "agent/pg/session.h"
#include "checks/plans/repair.h"

namespace pgvigil::pg {

struct ExplainRequest {
  std::string text;  // raw, one statement
  std::string user;  // whose search_path to use
  Milliseconds timeout{1000}, lock_timeout{100};
  bool allow_superuser = false;
  // Indexes to imagine (HypoPG, in this schema), as CREATE INDEX statements.
  std::vector<std::string> hypothetical = {};
  std::string hypopg_schema = {};
  std::string search_path = {};                    // instead of the user's
  std::vector<std::string> schemas = {};           // searched before that path
  std::vector<std::string> other_schemas = {};     // the same, only after the server has not found a relation
  std::vector<Cell> values = {};                   // of $1..$n; empty: a generic plan
  OwnSettings own_settings = {};                   // of an earlier time
  std::shared_ptr<const sql::Repair> repair = {};  // of an earlier time: the server need not refuse it again
};

struct Explained {
  std::string json;             // EXPLAIN (FORMAT JSON, VERBOSE), literals blanked; "" when there is no plan
  bool literals = false;        // planned with values, of the text or given with it; false: a generic plan
  std::string rewritten;        // what was changed of the text, in a few words; "" as it is
  std::string sqlstate, error;  // instead; without literals of the text
  std::string mend;
  bool ended = false;                         // its session was lost over it: the next time would cost one again
  std::string reason;                         // of a refusal: one of a short list, for a metric's label
  std::shared_ptr<const sql::Repair> repair;  // that led to the plan; none where the text was taken as it is
  std::vector<std::string> schemas;           // that were searched before the path
  OwnSettings own_settings;                   // that it was given
};

boost::asio::awaitable<Explained> explain(Session& session, ExplainRequest request, Clock::time_point deadline);

// Blanks every string of a plan that may hold a value of the query. "" when it is no plan.
std::string blank_plan(const std::string& json);

}  // namespace pgvigil::pg
