#include "agent/core/load_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "agent/core/json_parts.h"
#include "checks/blocking.h"
#include "checks/load.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

using json::in_one_line;
using json::Json;

constexpr std::size_t text_shown = 300;      // bytes of a query's text; /api/v1/queries has the whole
constexpr double seconds_of_a_point = 1e-3;  // two answers within it are one

// A quarter of an hour is ten thousand figures: they are printed as they come, without a tree of them.
void put(std::string& out, double v) {
  if (std::isfinite(v))
    fmt::format_to(std::back_inserter(out), "{}", std::round(v * 1000) / 1000);
  else
    out += "null";
}
void put(std::string& out, std::string_view key, const std::optional<double>& v) {
  fmt::format_to(std::back_inserter(out), ",\"{}\":", key);
  put(out, v.value_or(NAN));
}

}  // namespace

std::size_t LoadLog::query(const Minute::Query& q) {
  std::string key = q.database + '\0' + q.query_id;
  const auto it = query_at_.find(key);
  if (it != query_at_.end()) return it->second;
  return keep({std::move(key),
               in_one_line({{"query_id", q.query_id},
                            {"query", words::one_line(q.query, text_shown)},
                            {"database", q.database},
                            {"user", q.user}}),
               tables_in(q.query)});
}

std::size_t LoadLog::keep(Query q) {
  const auto [it, is_new] = query_at_.try_emplace(q.key, queries_.size());
  if (is_new) queries_.push_back(std::move(q));
  return it->second;
}

std::size_t LoadLog::name(std::string json) {
  const auto [it, is_new] = name_at_.try_emplace(std::move(json), names_.size());
  if (is_new) names_.push_back(it->first);
  return it->second;
}

LoadLog::Shares LoadLog::shares(const std::vector<Part>& parts) {
  Shares out;
  for (const Part& p : parts) out.emplace_back(name(in_one_line(Json(p.name))), static_cast<float>(p.sessions));
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
  // What an earlier process saw comes late.
  const auto place =
      std::upper_bound(points_.begin(), points_.end(), m.at, [](Time at, const Point& point) { return at < point.at; });
  if (place != points_.begin() && seconds_between(std::prev(place)->at, m.at) < seconds_of_a_point) return;  // seen
  Point p{.at = m.at, .active = static_cast<float>(m.active), .judged = judged};
  std::transform(std::begin(m.by), std::end(m.by), p.by, [](double v) { return static_cast<float>(v); });
  for (const Minute::Query& q : m.queries) {  // one that two users run is one
    const std::size_t at = query(q);
    const auto same = std::find_if(p.queries.begin(), p.queries.end(), [&](const auto& s) { return s.first == at; });
    (same != p.queries.end() ? *same : p.queries.emplace_back(at, 0.0F)).second += static_cast<float>(q.sessions);
  }
  std::stable_sort(p.queries.begin(), p.queries.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  p.waits = shares(m.waits), p.applications = shares(m.applications);
  p.users = shares(m.users), p.tables = shares(judged ? m.tables : tables_of(p.queries));
  p.verdict = m.verdict, p.reachable = m.reachable;
  p.connections = m.connections, p.connections_max = m.connections_max, p.cpu = m.cpu;
  points_.insert(place, std::move(p));
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
  if (queries_.size() + names_.size() < forget_at_) return;
  const LoadLog old = std::exchange(*this, LoadLog(keep_seconds_));
  for (Point p : old.points_) {
    for (auto& [at, n] : p.queries) at = keep(old.queries_[at]);
    for (Shares* all : {&p.waits, &p.applications, &p.users, &p.tables})
      for (auto& [at, n] : *all) at = name(old.names_[at]);
    points_.push_back(std::move(p));
  }
  forget_at_ = std::max(forget_at_, 2 * (queries_.size() + names_.size()));
}

std::string LoadLog::json(std::string_view target, std::optional<double> vcpus, double resolution, Time from,
                          Time until, bool newest_only) const {
  std::string queries, points;
  std::map<std::size_t, std::size_t> shown;  // of the queries: their position in this document
  const auto open = [](std::string& out, std::string_view key) {
    fmt::format_to(std::back_inserter(out), ",\"{}\":[", key);
  };
  const auto named = [&](std::string_view key, const Shares& all) {
    open(points, key);
    std::string_view comma;
    for (const auto& [at, n] : all) {
      points.append(std::exchange(comma, ",")).append("[").append(names_[at]).append(",");
      put(points, static_cast<double>(n));
      points += ']';
    }
    points += ']';
  };
  for (const Point& p : points_) {
    if (p.at < from || p.at > until || (newest_only && &p != &points_.back())) continue;
    points += points.empty() ? "{\"at\":" : ",{\"at\":";
    put(points, static_cast<double>(p.at.time_since_epoch().count()) / 1000);
    put(points, "active", static_cast<double>(p.active));
    open(points, "by");
    std::string_view comma;
    for (const float v : p.by) {
      points += std::exchange(comma, ",");
      put(points, static_cast<double>(v));
    }
    points += ']';
    open(points, "query");
    comma = "";
    for (const auto& [at, n] : p.queries) {
      const auto [it, is_new] = shown.try_emplace(at, shown.size());
      if (is_new) queries.append(queries.empty() ? "" : ",").append(queries_[at].json);
      fmt::format_to(std::back_inserter(points), "{}[{},", std::exchange(comma, ","), it->second);
      put(points, static_cast<double>(n));
      points += ']';
    }
    points += ']';
    named("wait", p.waits);
    named("application", p.applications);
    named("user", p.users);
    named("table", p.tables);
    points += R"(,"verdict":)";
    points += p.judged && p.verdict ? fmt::format("\"{}\"", to_string(*p.verdict)) : "null";
    points += R"(,"reachable":)";
    points += !p.judged ? "null" : p.reachable ? "true" : "false";
    put(points, "connections", p.connections);
    put(points, "connections_max", p.connections_max);
    put(points, "cpu", p.cpu);
    points += '}';
  }
  std::string out = in_one_line({{"schema", 1},
                                 {"target", target},
                                 {"resolution_seconds", resolution},
                                 {"vcpus", json::number(vcpus)},
                                 {"waits", Json::array()}});
  out.resize(out.size() - 2);  // into the list of waits, which are the order of `by`
  std::string_view comma;
  for (const Spends s : {Spends::cpu, Spends::lock, Spends::io, Spends::client, Spends::other})
    fmt::format_to(std::back_inserter(out), "{}\"{}\"", std::exchange(comma, ","), to_string(s));
  return out.append(R"(],"queries":[)").append(queries).append(R"(],"points":[)").append(points).append("]}");
}

}  // namespace pgvigil
