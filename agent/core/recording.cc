#include "agent/core/recording.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "checks/plans/sql.h"

namespace pgvigil {
namespace {

using Json = nlohmann::ordered_json;
constexpr int schema = 1;

std::int64_t millis(Time t) { return t.time_since_epoch().count(); }
Time time(const Json& j) { return Time(Milliseconds(j.get<std::int64_t>())); }

Json of(const Answer& a, const AnyProbe& probe) {
  Json j{{"at", millis(a.at)}, {"seconds", a.seconds}};
  for (const Failure& f : a.failures)
    j["failures"].push_back(
        {{"database", f.database}, {"sqlstate", f.sqlstate}, {"message", f.message}, {"mend", f.mend}});
  if (a.rows) {
    const Sheet sheet = probe.encode(*a.rows);
    j["columns"] = sheet.columns;
    j["rows"] = Json::array();
    for (const auto& row : sheet.rows) {
      Json cells = Json::array();
      for (const Cell& c : row) cells.push_back(c ? Json(*c) : Json());
      j["rows"].push_back(std::move(cells));
    }
  }
  return j;
}

Answer answer(const Json& j, const AnyProbe& probe) {
  Answer a{time(j.at("at")), nullptr, {}, j.value("seconds", 0.0)};
  if (j.contains("failures"))
    for (const Json& f : j.at("failures"))
      a.failures.push_back(
          {f.value("database", ""), f.value("sqlstate", ""), f.value("message", ""), f.value("mend", "")});
  if (j.contains("rows")) {
    Sheet sheet{j.at("columns").get<std::vector<std::string>>(), {}};
    for (const Json& row : j.at("rows")) {
      auto& cells = sheet.rows.emplace_back();
      for (const Json& c : row) cells.push_back(c.is_null() ? Cell() : Cell(c.get<std::string>()));
      if (cells.size() != sheet.columns.size())
        throw BadRecording(
            fmt::format("probe {}: a row has {} cells, not {}", probe.id(), cells.size(), sheet.columns.size()));
    }
    a.rows = probe.decode(sheet, as_saved);
  }
  return a;
}

// A text that another wrote: whatever is wrong with it is one kind of error.
template <class F>
auto reading(F read) {
  try {
    return read();
  } catch (const nlohmann::json::exception& e) {
    throw BadRecording(fmt::format("it is damaged: {}", e.what()));
  } catch (const DecodeError& e) {
    throw BadRecording(fmt::format("it is damaged: {}", e.what()));
  }
}

// Without the literals of its text and without its sample values, of which only the number is kept.
Json of(const std::vector<HotQuery>& all) {
  Json out = Json::array();
  for (const HotQuery& q : all) {
    Json j{{"name", q.name}, {"database", q.database}, {"sql", sql::normalise(q.sql).text}};
    if (!q.user.empty()) j["user"] = q.user;
    if (!q.search_path.empty()) j["search_path"] = q.search_path;
    if (!q.parameters.empty()) j["parameters"] = q.parameters.size();
    if (q.max_cost) j["max_cost"] = *q.max_cost;
    if (q.max_rows_read) j["max_rows_read"] = *q.max_rows_read;
    out.push_back(std::move(j));
  }
  return out;
}

std::vector<HotQuery> hot_queries(const Json& all) {
  std::vector<HotQuery> out;
  for (const Json& j : all) {
    HotQuery q{j.at("name").get<std::string>(), j.at("database").get<std::string>(), j.at("sql").get<std::string>()};
    q.user = j.value("user", "");
    q.search_path = j.value("search_path", "");
    q.parameters.resize(std::min<std::size_t>(j.value("parameters", std::size_t{0}), 100));
    if (j.contains("max_cost")) q.max_cost = j.at("max_cost").get<double>();
    if (j.contains("max_rows_read")) q.max_rows_read = j.at("max_rows_read").get<double>();
    out.push_back(std::move(q));
  }
  return out;
}

}  // namespace

std::string save_observations(const std::vector<Observation>& observations) {
  Json all = Json::array();
  for (const Observation& o : observations) {
    Json answers = Json::object();
    for (const auto& [id, a] : o.answers)
      if (const AnyProbe* probe = find_probe(id)) answers[id] = of(a, *probe);
    if (!answers.empty()) all.push_back({{"at", millis(o.at)}, {"answers", std::move(answers)}});
  }
  return all.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<Observation> load_observations(const std::string& text, const ProbeIds& only) {
  return reading([&] {
    std::vector<Observation> all;
    for (const Json& o : Json::parse(text)) {
      Observation one{time(o.at("at")), {}};
      for (const auto& [id, a] : o.at("answers").items())
        if (only.empty() || only.contains(id))
          if (const AnyProbe* probe = find_probe(id)) one.answers[id] = answer(a, *probe);
      all.push_back(std::move(one));
    }
    return all;
  });
}

std::string save_recording(const Recording& r) {
  Json j{{"pgvigil_recording", schema}, {"at", millis(r.at)}, {"target", r.context.target}};
  if (r.context.vcpus) j["vcpus"] = *r.context.vcpus;
  j["one_shot"] = r.context.one_shot;
  j["local"] = r.context.local;
  if (!r.context.hot_queries.empty()) j["hot_queries"] = of(r.context.hot_queries);
  j["cost"] = {{"connections", r.cost.connections},
               {"db_seconds", r.cost.db_seconds},
               {"statements", r.cost.statements},
               {"bytes", r.cost.bytes},
               {"seconds", r.cost.seconds}};
  Json& series = j["series"] = Json::object();
  for (const auto& [id, answers] : r.history.all())
    if (const AnyProbe* probe = find_probe(id)) {
      Json& all = series[id] = Json::array();
      for (const Answer& a : answers) all.push_back(of(a, *probe));
    }
  return j.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Recording load_recording(const std::string& text) {
  return reading([&] {
    const Json j = Json::parse(text);
    if (!j.is_object() || !j.contains("pgvigil_recording")) throw BadRecording("it is no saved observation of pgvigil");
    if (j.at("pgvigil_recording").get<int>() != schema)
      throw BadRecording(
          fmt::format("it has form {}, this pgvigil reads form {}", j.at("pgvigil_recording").dump(), schema));
    Recording r;
    r.at = time(j.at("at"));
    r.context.target = j.at("target").get<std::string>();
    if (j.contains("vcpus")) r.context.vcpus = j.at("vcpus").get<double>();
    r.context.one_shot = j.value("one_shot", true);
    r.context.local = j.value("local", true);
    if (j.contains("hot_queries")) r.context.hot_queries = hot_queries(j.at("hot_queries"));
    if (j.contains("cost")) {
      const Json& c = j.at("cost");
      r.cost = {c.at("connections").get<int>(), c.at("db_seconds").get<double>(),
                c.at("statements").get<std::int64_t>(), c.at("bytes").get<std::int64_t>(),
                c.at("seconds").get<double>()};
    }
    r.history.keep_seconds = 1e9;
    for (const auto& [id, answers] : j.at("series").items())
      if (const AnyProbe* probe = find_probe(id))
        for (const Json& a : answers) {
          Observation o;
          o.answers[id] = answer(a, *probe);
          o.at = o.answers[id].at;
          r.history.add(std::move(o));
        }
    return r;
  });
}

}  // namespace pgvigil
