#include "agent/core/silence.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "agent/core/incidents.h"
#include "agent/core/recording.h"

namespace pgvigil {
namespace {

using Json = nlohmann::ordered_json;

Time time(const Json& j) { return Time(Milliseconds(j.get<std::int64_t>())); }

}  // namespace

bool matches_glob(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool silenced(const std::vector<Silence>& silences, std::string_view target, const Incident& incident, Time now) {
  const auto fits = [](const std::string& pattern, std::string_view text) {
    return pattern.empty() || matches_glob(pattern, text);
  };
  const auto& all = incident.causes;
  const bool live = std::any_of(all.begin(), all.end(), is_live);
  std::map<Object, bool> objects;  // two checks may say the same of one object
  for (const Finding& f : all)
    if (!live || is_live(f))
      objects[f.object] |= std::any_of(silences.begin(), silences.end(), [&](const Silence& s) {
        return now >= s.from && now < s.until && fits(s.target, target) && fits(s.check, f.check) &&
               fits(s.object, f.object.name) && fits(s.database, f.object.database);
      });
  return !objects.empty() && std::all_of(objects.begin(), objects.end(), [](const auto& o) { return o.second; });
}

std::string save_silence(const Silence& s) {
  const Json j{{"id", s.id},
               {"target", s.target},
               {"check", s.check},
               {"object", s.object},
               {"database", s.database},
               {"from", s.from.time_since_epoch().count()},
               {"until", s.until.time_since_epoch().count()},
               {"comment", s.comment},
               {"author", s.author}};
  return j.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Silence load_silence(const std::string& text) {
  try {
    const Json j = Json::parse(text);
    return {j.at("id"),         j.at("target"),      j.at("check"),   j.at("object"), j.at("database"),
            time(j.at("from")), time(j.at("until")), j.at("comment"), j.at("author")};
  } catch (const nlohmann::json::exception& e) {
    throw BadRecording(std::string("a silence is damaged: ") + e.what());
  }
}

}  // namespace pgvigil
