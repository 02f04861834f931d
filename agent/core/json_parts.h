// JSON that several forms share.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "checks/finding.h"

namespace pgvigil::json {

using Json = nlohmann::ordered_json;

// Lists and options go out as [] and null, so that a reader needs no test for a missing key.
template <class T, class F>
Json list(const std::vector<T>& all, F one) {
  Json out = Json::array();
  for (const T& t : all) out.push_back(one(t));
  return out;
}

inline Json step(const Step& s) {
  return {{"title", s.title},     {"database", s.database},
          {"run_as", s.run_as},   {"sql", s.sql},
          {"relief", s.relief},   {"duration", s.duration},
          {"lock", s.lock},       {"undo", s.undo},
          {"caution", s.caution}, {"load_relieved", s.load_relieved},
          {"minutes", s.minutes}, {"straight_path", s.straight_path}};
}

inline Json remedy(const Remedy& r) {
  return {{"kind", std::string(to_string(r.kind))}, {"summary", r.summary}, {"steps", list(r.steps, step)}};
}

}  // namespace pgvigil::json
