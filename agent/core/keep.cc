#include "agent/core/keep.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/core/recording.h"

namespace pgvigil {
namespace {

using Json = nlohmann::ordered_json;

std::string dumped(const Json& j) { return j.dump(-1, ' ', false, Json::error_handler_t::replace); }
Time time(const Json& j) { return Time(Milliseconds(j.get<std::int64_t>())); }

}  // namespace

std::string save_context(const Context& c) {
  const Intervals& i = c.intervals;
  Json j{{"target", c.target}, {"local", c.local}, {"intervals", {i.sample, i.cycle, i.sweep, i.slow}}};
  if (c.vcpus) j["vcpus"] = *c.vcpus;
  return dumped(j);
}

Context load_context(const std::string& text) {
  try {
    const Json j = Json::parse(text);
    Context c;
    c.target = j.at("target");
    c.local = j.at("local");
    const Json& i = j.at("intervals");
    c.intervals = {i.at(0), i.at(1), i.at(2), i.at(3)};
    if (j.contains("vcpus")) c.vcpus = j.at("vcpus").get<double>();
    return c;
  } catch (const nlohmann::json::exception& e) {
    throw BadRecording(std::string("what is known of the target is damaged: ") + e.what());
  }
}

std::string save_moment(const Moment& m) {
  return dumped({{"at", m.at.time_since_epoch().count()},
                 {"kind", m.kind},
                 {"key", m.key},
                 {"check", m.check},
                 {"severity", static_cast<int>(m.severity)},
                 {"object", {m.object.kind, m.object.name, m.object.database}},
                 {"sentence", m.sentence},
                 {"started", m.started.time_since_epoch().count()}});
}

Moment load_moment(const std::string& text) {
  try {
    const Json j = Json::parse(text);
    Moment m;
    m.at = time(j.at("at"));
    m.kind = j.at("kind"), m.key = j.at("key"), m.check = j.at("check");
    m.severity = static_cast<Severity>(std::clamp(j.at("severity").get<int>(), 0, 3));
    const Json& o = j.at("object");
    m.object = {o.at(0), o.at(1), o.at(2)};
    m.sentence = j.at("sentence");
    m.started = time(j.at("started"));
    return m;
  } catch (const nlohmann::json::exception& e) {
    throw BadRecording(std::string("an incident is damaged: ") + e.what());
  }
}

}  // namespace pgvigil
