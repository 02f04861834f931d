#include "agent/core/load_log.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "agent/core/json_parts.h"
#include "checks/blocking.h"
#include "checks/load.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

using json::Json;
using json::number;

constexpr std::size_t text_shown = 300;      // bytes of a query's text; /api/v1/queries has the whole
constexpr std::size_t names_kept = 5'000;    // before those that no point shows any more are forgotten
constexpr double seconds_of_a_point = 1e-3;  // two answers within it are one

}  // namespace

std::size_t LoadLog::query(const Minute::Query& q) {
  const auto it = query_at_.find(q.database + '\0' + q.query_id);
  if (it != query_at_.end()) return it->second;
  return keep({q.query_id, words::one_line(q.query, text_shown), q.database, q.user, tables_in(q.query)});
}

std::size_t LoadLog::keep(Query q) {
  const auto [it, is_new] = query_at_.try_emplace(q.database + '\0' + q.query_id, queries_.size());
  if (is_new) queries_.push_back(std::move(q));
  return it->second;
}

LoadLog::Shares LoadLog::shares(const std::vector<Part>& parts) {
  Shares out;
  for (const Part& p : parts) {
    auto it = name_at_.find(p.name);
    if (it == name_at_.end()) {
      it = name_at_.emplace(p.name, names_.size()).first;
      names_.push_back(p.name);
    }
    out.emplace_back(it->second, static_cast<float>(p.sessions));
  }
  return out;
}

// The largest few, by the texts of a sample's queries: each is parsed once, not once a second.
std::vector<Part> LoadLog::tables_of(const Shares& queries) const {
  constexpr std::size_t few = 10;
  std::vector<Part> out;
  for (const auto& [at, sessions] : queries)
    for (const std::string& table : queries_[at].tables) {
      const auto it = std::find_if(out.begin(), out.end(), [&](const Part& p) { return p.name == table; });
      (it != out.end() ? *it : out.emplace_back(Part{table, 0})).sessions += static_cast<double>(sessions);
    }
  std::stable_sort(out.begin(), out.end(), [](const Part& a, const Part& b) { return a.sessions > b.sessions; });
  out.resize(std::min(out.size(), few));
  return out;
}

void LoadLog::add(const Minute& m, bool judged) {
  if (!points_.empty() && seconds_between(points_.back().at, m.at) < seconds_of_a_point) return;  // seen, or older
  Point p{.at = m.at, .active = static_cast<float>(m.active), .judged = judged};
  std::transform(std::begin(m.by), std::end(m.by), p.by, [](double v) { return static_cast<float>(v); });
  for (const Minute::Query& q : m.queries) p.queries.emplace_back(query(q), static_cast<float>(q.sessions));
  p.waits = shares(m.waits), p.applications = shares(m.applications);
  p.users = shares(m.users), p.tables = shares(judged ? m.tables : tables_of(p.queries));
  p.verdict = m.verdict, p.reachable = m.reachable;
  p.connections = m.connections, p.connections_max = m.connections_max, p.cpu = m.cpu;
  points_.push_back(std::move(p));
  forget();
}

void LoadLog::add(const Minute& minute) { add(minute, true); }

bool LoadLog::observed(const Observation& observation) {
  const std::optional<Minute> sample = sample_of(observation);
  if (sample) add(*sample, false);
  return sample.has_value();
}

void LoadLog::forget() {
  while (seconds_between(points_.front().at, points_.back().at) > keep_seconds_) points_.pop_front();
  if (queries_.size() < names_kept && names_.size() < names_kept) return;
  const LoadLog old = std::exchange(*this, LoadLog(keep_seconds_));
  for (Point p : old.points_) {
    for (auto& [at, n] : p.queries) at = keep(old.queries_[at]);
    for (Shares* all : {&p.waits, &p.applications, &p.users, &p.tables})
      for (auto& [at, n] : *all) at = shares({{old.names_[at], 0}}).front().first;
    points_.push_back(std::move(p));
  }
}

std::string LoadLog::json(std::string_view target, std::optional<double> vcpus, double resolution, Time from,
                          Time until, bool newest_only) const {
  Json out{{"schema", 1}, {"target", target}, {"resolution_seconds", resolution}, {"vcpus", number(vcpus)}};
  Json& waits = out["waits"] = Json::array();
  for (const Spends s : {Spends::cpu, Spends::lock, Spends::io, Spends::client, Spends::other})
    waits.push_back(to_string(s));
  Json& queries = out["queries"] = Json::array();
  Json& points = out["points"] = Json::array();
  std::map<std::size_t, std::size_t> shown;  // of the queries: their position in this document
  const auto named = [&](const Shares& all) {
    Json list = Json::array();
    for (const auto& [at, n] : all) list.push_back({names_[at], number(n)});
    return list;
  };
  for (const Point& p : points_) {
    if (p.at < from || p.at > until || (newest_only && &p != &points_.back())) continue;
    Json by = Json::array(), of_queries = Json::array();
    for (const float v : p.by) by.push_back(number(v));
    for (const auto& [at, n] : p.queries) {
      const auto [it, is_new] = shown.try_emplace(at, queries.size());
      const Query& q = queries_[at];
      if (is_new)
        queries.push_back({{"query_id", q.query_id}, {"query", q.query}, {"database", q.database}, {"user", q.user}});
      of_queries.push_back({it->second, number(n)});
    }
    points.push_back({{"at", number(static_cast<double>(p.at.time_since_epoch().count()) / 1000)},
                      {"active", number(p.active)},
                      {"by", std::move(by)},
                      {"query", std::move(of_queries)},
                      {"wait", named(p.waits)},
                      {"application", named(p.applications)},
                      {"user", named(p.users)},
                      {"table", named(p.tables)},
                      {"verdict", p.judged && p.verdict ? Json(to_string(*p.verdict)) : Json()},
                      {"reachable", p.judged ? Json(p.reachable) : Json()},
                      {"connections", number(p.connections)},
                      {"connections_max", number(p.connections_max)},
                      {"cpu", number(p.cpu)}});
  }
  return json::in_one_line(out);
}

}  // namespace pgvigil
