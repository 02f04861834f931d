// A flight: many questions, one round trip. Each has its own READ ONLY transaction with its own limits, closed
// by two syncs, so that an error costs only that question.
#pragma once

#include "agent/pg/session.h"

namespace pgvigil::pg {

struct Ask {
  std::string sql = {};
  std::vector<std::string> parameters = {};
  Milliseconds timeout{400};
  Milliseconds lock_timeout{100};
  std::string search_path = "pg_catalog";
  bool raw_bytes = false;  // text comes as the bytes that are stored, not checked and converted to UTF-8
};

// What BEGIN ... sets for one transaction; nothing outlives it, so that a pooler's other clients never meet it.
// `more`: further columns of that select, after a comma.
std::vector<Command> begin(const Ask& limits, std::string_view more = {});

// Of those behind the one that took the whole deadline.
inline constexpr const char* kNotReached = "not reached: an earlier probe took the flight's time";

// One outcome per ask, that of its SQL (or of the first step that failed before it). When the deadline passes, the
// first one without an answer is PGV01, those behind it are PGV03.
boost::asio::awaitable<std::vector<Outcome>> fly(Session& session, std::vector<Ask> asks, Clock::time_point deadline);

}  // namespace pgvigil::pg
