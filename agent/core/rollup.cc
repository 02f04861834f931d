#include "agent/core/rollup.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/core/recording.h"
#include "checks/load.h"
#include "checks/plans/sql.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t few = 10;          // queries, tables, users ... of a minute
constexpr std::size_t text_kept = 2000;  // bytes of a query's text
constexpr auto a_minute = std::chrono::minutes(1);

Time minute_of(Time t) { return std::chrono::floor<std::chrono::minutes>(t); }

std::vector<Part> largest(const std::map<std::string, double>& all) {
  std::vector<Part> out;
  for (const auto& [name, sessions] : all) out.push_back({name, sessions});
  std::stable_sort(out.begin(), out.end(), [](const Part& a, const Part& b) { return a.sessions > b.sessions; });
  out.resize(std::min(out.size(), few));
  return out;
}

enum class Tables : std::uint8_t { by_text, left_out };  // every text is parsed for them

void close(const History& samples, Time end, Minute& m, Tables wanted) {
  static const Context context;
  static const CheckSettings none;
  const Input in(samples, context, none, end);
  const Load seen = load(in, 61);
  m.samples = seen.samples;
  m.seconds = seen.seconds;
  m.active = seen.active;
  std::copy(std::begin(seen.by), std::end(seen.by), m.by);
  std::map<std::string, double> waits, tables, users, applications;
  for (const auto& sample : in.series(activity, 61))
    for (const Session& s : sample.rows)
      if (is_active(s)) {
        const double each = 1.0 / static_cast<double>(seen.samples);
        waits[s.wait_event_type.empty() ? "CPU" : s.wait_event_type + ":" + s.wait_event] += each;
        users[s.user] += each;
        applications[s.application] += each;
      }
  for (const QueryLoad& q : seen.queries) {
    if (m.queries.size() == few) break;
    m.queries.push_back({q.query_id, words::one_line(q.query, text_kept), q.database, q.user, q.sessions});
    if (wanted == Tables::left_out) continue;
    std::map<std::string, double> named;  // a table named twice carries the query's load once
    for (const sql::RelationUse& r : sql::relations(q.query))
      named[(r.schema.empty() ? "" : sql::quote_identifier(r.schema) + ".") + sql::quote_identifier(r.relation)] =
          q.sessions;
    for (const auto& [table, sessions] : named) tables[table] += sessions;
  }
  m.waits = largest(waits), m.tables = largest(tables), m.users = largest(users),
  m.applications = largest(applications);
}

void highest(std::optional<double>& of, const std::optional<double>& value) {
  if (value) of = std::max(of.value_or(*value), *value);
}

Json parts(const std::vector<Part>& all) {
  Json out = Json::array();
  for (const Part& p : all) out.push_back({p.name, p.sessions});
  return out;
}
std::vector<Part> parts(const Json& j) {
  std::vector<Part> out;
  for (const Json& p : j) out.push_back({p.at(0).get<std::string>(), p.at(1).get<double>()});
  return out;
}

}  // namespace

Roller::Open& Roller::open(Time at) {
  Open& o = open_[minute_of(at)];
  o.minute.at = minute_of(at);
  o.samples.keep_seconds = 120;
  return o;
}

namespace {

// What of an observation the load is made from.
std::optional<Observation> load_of(const Observation& observation) {
  const auto it = observation.answers.find(activity.id());
  if (it == observation.answers.end() || !it->second.rows) return std::nullopt;
  Observation sample{it->second.at, {}};
  sample.answers.emplace(it->first, it->second);
  return sample;
}

}  // namespace

void Roller::observed(const Observation& observation) {
  if (auto sample = load_of(observation)) open(sample->at).samples.add(std::move(*sample));
}

std::optional<Minute> sample_of(const Observation& observation) {
  auto sample = load_of(observation);
  if (!sample) return std::nullopt;
  Minute m{.at = sample->at};
  History alone;
  alone.add(std::move(*sample));
  close(alone, m.at, m, Tables::left_out);
  return m;
}

Judgement judgement_of(const Report& r) {
  return {
      r.at,      r.verdict, r.reachable, words::one_line(r.headline, text_kept), r.connections_used, r.connections_max,
      r.cpu_busy};
}

void Roller::judged(const Judgement& j) {
  Minute& m = open(j.at).minute;
  if (!m.verdict || j.verdict >= *m.verdict) {
    m.verdict = j.verdict;
    m.headline = j.headline;
  }
  m.reachable = j.reachable;
  highest(m.connections, j.connections);
  highest(m.connections_max, j.connections_max);
  highest(m.cpu, j.cpu);
}

std::vector<Minute> Roller::finished(Time now) {
  std::vector<Minute> out;
  // A late answer may still come for a few seconds.
  while (!open_.empty() && open_.begin()->first + a_minute + std::chrono::seconds(5) <= now) {
    auto done = open_.extract(open_.begin());
    close(done.mapped().samples, done.mapped().minute.at + a_minute, done.mapped().minute, Tables::by_text);
    out.push_back(std::move(done.mapped().minute));
  }
  return out;
}

namespace {

// Sums while it is filled; every minute weighs the same.
void add(Minute& sum, const Minute& m) {
  sum.seconds += m.seconds, sum.samples += m.samples, sum.active += m.active;
  for (std::size_t i = 0; i < std::size(sum.by); ++i) sum.by[i] += m.by[i];
  for (const Minute::Query& q : m.queries) {
    const auto same = [&](const Minute::Query& o) { return o.query_id == q.query_id && o.database == q.database; };
    const auto it = std::find_if(sum.queries.begin(), sum.queries.end(), same);
    if (it != sum.queries.end())
      it->sessions += q.sessions;
    else
      sum.queries.push_back(q);
  }
  const auto join = [](std::vector<Part>& into, const std::vector<Part>& more) {
    for (const Part& p : more) {
      const auto it = std::find_if(into.begin(), into.end(), [&](const Part& o) { return o.name == p.name; });
      if (it != into.end())
        it->sessions += p.sessions;
      else
        into.push_back(p);
    }
  };
  join(sum.waits, m.waits), join(sum.tables, m.tables), join(sum.users, m.users);
  join(sum.applications, m.applications);
  if (m.verdict && (!sum.verdict || *m.verdict > *sum.verdict)) sum.verdict = m.verdict, sum.headline = m.headline;
  sum.reachable = sum.reachable && m.reachable;
  highest(sum.connections, m.connections), highest(sum.connections_max, m.connections_max);
  highest(sum.cpu, m.cpu);
}

void divide(Minute& sum, double by) {
  sum.active /= by;
  for (double& v : sum.by) v /= by;
  const auto cut = [by](auto& all) {
    for (auto& one : all) one.sessions /= by;
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.sessions > b.sessions; });
    all.resize(std::min(all.size(), few));
  };
  cut(sum.queries), cut(sum.waits), cut(sum.tables), cut(sum.users), cut(sum.applications);
}

}  // namespace

std::vector<Minute> coarser(const std::vector<Minute>& minutes, int each) {
  std::vector<Minute> out;
  const auto width = a_minute * each;
  double n = 0;
  for (const Minute& m : minutes) {
    const Time begin = m.at - m.at.time_since_epoch() % width;
    if (out.empty() || out.back().at != begin) {
      if (!out.empty()) divide(out.back(), n);
      out.push_back({.at = begin});
      n = 0;
    }
    add(out.back(), m);
    ++n;
  }
  if (!out.empty()) divide(out.back(), n);
  return out;
}

std::string save_minute(const Minute& m) {
  Json j{{"at", m.at.time_since_epoch().count()}, {"seconds", m.seconds}, {"samples", m.samples}, {"active", m.active}};
  j["by"] = m.by;
  Json& queries = j["queries"] = Json::array();
  for (const auto& q : m.queries) queries.push_back({q.query_id, q.query, q.database, q.user, q.sessions});
  j["waits"] = parts(m.waits), j["tables"] = parts(m.tables);
  j["users"] = parts(m.users), j["applications"] = parts(m.applications);
  if (m.verdict) j["verdict"] = static_cast<int>(*m.verdict);
  j["reachable"] = m.reachable;
  j["headline"] = m.headline;
  if (m.connections) j["connections"] = *m.connections;
  if (m.connections_max) j["connections_max"] = *m.connections_max;
  if (m.cpu) j["cpu"] = *m.cpu;
  return j.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Minute load_minute(const std::string& text) {
  try {
    const Json j = Json::parse(text);
    Minute m;
    m.at = Time(Milliseconds(j.at("at").get<std::int64_t>()));
    m.seconds = j.at("seconds"), m.samples = j.at("samples"), m.active = j.at("active");
    for (std::size_t i = 0; i < std::size(m.by); ++i) m.by[i] = j.at("by").at(i);
    for (const Json& q : j.at("queries")) m.queries.push_back({q.at(0), q.at(1), q.at(2), q.at(3), q.at(4)});
    m.waits = parts(j.at("waits")), m.tables = parts(j.at("tables"));
    m.users = parts(j.at("users")), m.applications = parts(j.at("applications"));
    if (j.contains("verdict")) m.verdict = static_cast<Severity>(std::clamp(j.at("verdict").get<int>(), 0, 3));
    m.reachable = j.at("reachable");
    m.headline = j.at("headline");
    const auto some = [&](const char* key) {
      return j.contains(key) ? std::optional(j.at(key).get<double>()) : std::nullopt;
    };
    m.connections = some("connections"), m.connections_max = some("connections_max"), m.cpu = some("cpu");
    return m;
  } catch (const nlohmann::json::exception& e) {
    throw BadRecording(std::string("a minute is damaged: ") + e.what());
  }
}

}  // namespace pgvigil
