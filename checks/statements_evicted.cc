#include <fmt/format.h>

#include "checks/check.h"
#include "checks/probes/statements_info.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Count> per_hour{"per_hour", 6, "evictions an hour from which queries are said to be lost"};

constexpr double least_seen = 300;  // seconds: one eviction in a moment is no rate

// The last hour, or what was seen of it.
std::optional<double> evictions_per_hour(const Input& in) {
  for (const StatementsInfo& i : in.now(statements_info)) {
    if (!i.evicted) return std::nullopt;
    const auto seen = in.series(statements_info, 3600);
    if (seconds_between(seen.front().at, in.at()) < least_seen) return std::nullopt;
    if (const auto rate = in.rate(statements_info, i, &StatementsInfo::evicted, 3600)) return *rate * 3600;
  }
  return std::nullopt;
}

std::vector<Finding> evaluate(const Input& in) {
  const auto rate = evictions_per_hour(in);
  if (!rate || *rate < in[per_hour]) return {};
  const std::int64_t most = in.now(statements_info)[0].most;
  Finding f;
  f.role = Role::advice;
  f.severity = Severity::info;
  f.act_by = ActBy::later;
  f.object = {"server", "pg_stat_statements"};
  f.sentence = fmt::format(
      "pg_stat_statements is full ({} entries) and forgets queries: figures of rare and short ones are not complete",
      words::count(static_cast<double>(most)));
  f.evidence.push_back({"evictions", fmt::format("{} an hour", words::number(*rate))});
  f.confidence = Confidence::high;
  f.basis = "pg_stat_statements_info counts them";
  Step s{.title = "give pg_stat_statements more room",
         .database = "postgres",
         .run_as = "superuser",
         .sql = fmt::format("ALTER SYSTEM SET pg_stat_statements.max = {};", 2 * most)};
  s.duration = "needs a restart";
  s.lock = "none";
  s.undo = "ALTER SYSTEM RESET pg_stat_statements.max;";
  s.caution =
      "the entries take shared memory; where the texts differ only in their lists of values, mend the application";
  f.remedies.push_back({Remedy::Kind::cure, "more room", {std::move(s)}});
  return {std::move(f)};
}

std::string fine(const Input& in) {
  const auto rate = evictions_per_hour(in);
  return rate ? "pg_stat_statements has room for every query" : "";
}

Scenario past(std::optional<std::int64_t> then, std::optional<std::int64_t> now) {
  return Scenario().saw(600, statements_info, {{5000, then}}).saw(0, statements_info, {{5000, now}});
}

}  // namespace

extern const Check statements_evicted;
const Check statements_evicted{
    .id = "statements_evicted",
    .title = "pg_stat_statements forgets queries",
    .why = "What is evicted is missing from every figure that rests on it, first of all from ours.",
    .role = Role::advice,
    .reads = {statements_info},
    .settings = {per_hour},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"it evicts all the time", [] { return past(100, 140); }, {Severity::info}},
                 {"it has evicted once, long ago", [] { return past(100, 100); }, {}},
                 {"the first minute",
                  [] {
                    return Scenario().saw(60, statements_info, {{5000, 100}}).saw(0, statements_info, {{5000, 101}});
                  },
                  {}},
                 {"version 13 does not say", [] { return past(std::nullopt, std::nullopt); }, {}}},
};

}  // namespace pgvigil
