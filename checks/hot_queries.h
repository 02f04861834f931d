// The queries that are worth explaining: named in the configuration, seen running, or finishing so fast that only
// pg_stat_statements shows them. What is one query is one entry, whichever of the three show it, on every version.
#pragma once

#include "checks/load.h"
#include "checks/probes/statement_texts.h"

namespace pgvigil {

struct HotEntry {
  // What its plan is kept under: "config:NAME" where the configuration names it; else the server's id, or where running
  // sessions have none (13, compute_query_id off) "f" and the fingerprint.
  std::string query_id;
  std::vector<std::string> ids;     // under which sessions and pg_stat_statements show it
  const HotQuery* named = nullptr;  // in the configuration
  std::string fingerprint;          // "" where it was not needed
  // Its whole text, where it is known: normalised, or as the configuration gives it. In `load`: normalised.
  std::string text;
  bool cut = false;  // the text is cut, and pg_stat_statements has no whole one

  // As sessions show it and as pg_stat_statements tells, together: the larger figure, since most of it is seen twice.
  // `user` is the one who runs it most. Sessions 0: it does not run.
  QueryLoad load;
  double finishing = 0;  // average active sessions by the growth of pg_stat_statements alone
};

// By load, largest first; those named in the configuration that do not run are the last.
std::vector<HotEntry> hot_queries(const Input& in, const Load& load);
const HotEntry* find_hot(const std::vector<HotEntry>& all, const std::string& database, const std::string& query_id);

// The whole text of a statement that runs with a cut one. Null where pg_stat_statements has none, or where it cannot be
// told which it is.
const StatementText* whole_text(const Input& in, const QueryLoad& cut);

}  // namespace pgvigil
