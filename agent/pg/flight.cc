#include "agent/pg/flight.h"

#include <algorithm>

namespace pgvigil::pg {
namespace {

constexpr std::size_t kSteps = 6;  // BEGIN, settings, SQL, sync, COMMIT, sync

}  // namespace

std::vector<Command> begin(const Ask& limits) {
  std::vector<Command> all;
  all.push_back(query("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"));
  all.push_back(
      query("select pg_catalog.set_config('statement_timeout', $1, true), "
            "pg_catalog.set_config('lock_timeout', $2, true), "
            "pg_catalog.set_config('search_path', $3, true), "
            "pg_catalog.set_config('client_encoding', $4, true)",
            {std::to_string(limits.timeout.count()), std::to_string(limits.lock_timeout.count()), limits.search_path,
             limits.raw_bytes ? "SQL_ASCII" : "UTF8"}));
  return all;
}

boost::asio::awaitable<std::vector<Outcome>> fly(Session& session, std::vector<Ask> asks, Clock::time_point deadline) {
  std::vector<Command> commands;
  for (Ask& ask : asks) {
    for (Command& c : begin(ask)) commands.push_back(std::move(c));
    commands.push_back(query(std::move(ask.sql), std::move(ask.parameters)));
    commands.push_back(sync());
    commands.push_back(query("COMMIT"));
    commands.push_back(sync());
  }
  const std::size_t count = asks.size();
  auto all = co_await session.run(std::move(commands), deadline);
  std::vector<Outcome> answers;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t base = i * kSteps;
    double seconds = 0;
    for (std::size_t k = 0; k < kSteps; ++k) seconds += all[base + k].seconds;
    std::size_t pick = base;
    while (pick < base + 2 && all[pick].ok) ++pick;
    answers.push_back(std::move(all[pick]));
    answers.back().seconds = seconds;
  }
  // The deadline passed on one of them; the server did not come to those behind it.
  const auto unanswered = [](const Outcome& o) { return !o.ok && o.sqlstate == "PGV01"; };
  auto behind = std::find_if(answers.begin(), answers.end(), unanswered);
  if (behind != answers.end()) ++behind;
  for (; behind != answers.end(); ++behind)
    if (unanswered(*behind)) behind->sqlstate = "PGV03", behind->message = kNotReached;
  co_return answers;
}

}  // namespace pgvigil::pg
