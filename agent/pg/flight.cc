#include "agent/pg/flight.h"

#include <algorithm>

namespace pgvigil::pg {
namespace {

constexpr std::size_t kSteps = 6;  // BEGIN, settings, SQL, sync, COMMIT, sync

// What our own questions are better off without: compiling takes longer than running them (0.8 s of 1.0 s on a server
// with 50,000 tables), parallel workers are for the users, and a private copy of every counter that is looked at once
// costs as much again as looking.
constexpr std::string_view kFrugal =
    ", pg_catalog.set_config('jit', 'off', true), "
    "pg_catalog.set_config('max_parallel_workers_per_gather', '0', true)";
constexpr std::string_view kNoCopies = ", pg_catalog.set_config('stats_fetch_consistency', 'none', true)";

}  // namespace

std::vector<Command> begin(const Ask& limits, std::string_view more) {
  std::vector<Command> all;
  all.push_back(query("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"));
  all.push_back(
      query("select pg_catalog.set_config('statement_timeout', $1, true), "
            "pg_catalog.set_config('lock_timeout', $2, true), "
            "pg_catalog.set_config('search_path', $3, true), "
            "pg_catalog.set_config('client_encoding', $4, true)" +
                std::string(more),
            {std::to_string(limits.timeout.count()), std::to_string(limits.lock_timeout.count()), limits.search_path,
             limits.raw_bytes ? "SQL_ASCII" : "UTF8"}));
  return all;
}

boost::asio::awaitable<std::vector<Outcome>> fly(Session& session, std::vector<Ask> asks, Clock::time_point deadline) {
  std::vector<Command> commands;
  std::string frugal(kFrugal);
  if (session.version_num() >= 150000) frugal += kNoCopies;
  for (Ask& ask : asks) {
    for (Command& c : begin(ask, frugal)) commands.push_back(std::move(c));
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
