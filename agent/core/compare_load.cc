// How the load and the mix of queries differ.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "agent/core/compare.h"
#include "agent/core/render_past.h"
#include "checks/load.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr double least = 0.5;    // average active sessions, below which a query or a difference is left alone
constexpr double times = 2;      // from which more or less is a change
constexpr std::size_t most = 8;  // queries that are told

// The samples of the window, or the minutes where there are none; nothing when there is neither.
std::optional<Minute> picture(const Side& side) {
  static const CheckSettings none;
  const Input in(*side.history, *side.context, none, side.at);
  const Load seen = load(in, side.history->keep_seconds);
  if (seen.samples < 5) return side.minutes.empty() ? std::nullopt : std::optional(mean_of(side.minutes));
  Minute m;
  m.samples = seen.samples;
  m.active = seen.active;
  for (const QueryLoad& q : seen.queries) m.queries.push_back({q.query_id, q.query, q.database, q.user, q.sessions});
  return m;
}

std::string key(const Minute::Query& q) { return (q.query_id.empty() ? q.query : q.query_id) + "\n" + q.database; }

std::map<std::string, Minute::Query> queries(const Minute& m) {
  std::map<std::string, Minute::Query> all;
  for (const Minute::Query& q : m.queries) {
    auto& one = all[key(q)];
    const double sessions = one.sessions + q.sessions;
    one = q;
    one.sessions = sessions;
  }
  return all;
}

}  // namespace

void compare_load(const Side& then, const Side& now, Changes& out) {
  const auto a = picture(then), b = picture(now);
  if (!a || !b) {
    out.unknown.push_back(std::string("the load was not sampled ") + (a ? "now" : "then"));
    return;
  }
  const auto sessions = [](double n) { return fmt::format("{:.1f}", n); };
  const auto differs = [](double x, double y) {
    return std::max(x, y) >= least && std::max(x, y) >= times * std::min(x, y);
  };
  if (differs(a->active, b->active))
    out.all.push_back(
        {"load",
         {"server", "server"},
         fmt::format("{} sessions are active on average, {} then", sessions(b->active), sessions(a->active)),
         sessions(a->active),
         sessions(b->active)});
  const auto before = queries(*a), after = queries(*b);
  std::vector<std::pair<double, Change>> all;
  const auto tell = [&](const Minute::Query& q, double was, double is) {
    if (!differs(was, is)) return;
    const std::string how = was < 0.05  ? fmt::format("is new in the load: {} sessions", sessions(is))
                            : is < 0.05 ? fmt::format("is gone from the load: {} sessions then", sessions(was))
                                        : fmt::format("takes {} sessions, {} then", sessions(is), sessions(was));
    all.emplace_back(std::max(was, is),
                     Change{"load",
                            {"query", q.query_id, q.database},
                            fmt::format("{} ({} in {}) {}", words::one_line(q.query, 160), q.user, q.database, how),
                            sessions(was),
                            sessions(is)});
  };
  for (const auto& [k, q] : after) {
    const auto old = before.find(k);
    tell(q, old == before.end() ? 0 : old->second.sessions, q.sessions);
  }
  for (const auto& [k, q] : before)
    if (!after.contains(k)) tell(q, q.sessions, 0);
  std::stable_sort(all.begin(), all.end(), [](const auto& x, const auto& y) { return x.first > y.first; });
  for (std::size_t i = 0; i < std::min(most, all.size()); ++i) out.all.push_back(std::move(all[i].second));
}

}  // namespace pgvigil
