// Texts of the queries that grew; asked only for ids not yet known, as bytes, cut at 64 kB.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct StatementText {
  std::string query_id = {}, database = {}, user = {};
  std::string text = {};
  bool truncated = false;        // longer than 64 kB: cut, bytes beyond ASCII escaped
  std::string fingerprint = {};  // libpg_query's, of the whole text
};

extern const Probe<StatementText> statement_texts;

}  // namespace pgvigil
