// JSON that several forms share.
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
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

// Figures with what a person can use of them: three decimals. JSON knows no infinity.
inline Json number(double v) { return std::isfinite(v) ? Json(std::round(v * 1000) / 1000) : Json(); }
inline Json number(const std::optional<double>& v) { return v ? number(*v) : Json(); }
inline Json text_or_null(const std::string& s) { return s.empty() ? Json() : Json(s); }
Json time(const std::optional<Time>& t);  // RFC 3339

// In one line, whatever bytes its texts hold.
inline std::string in_one_line(const Json& j) { return j.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json object(const Object& o);
Json remedy(const Remedy& r);
Json finding(const Finding& f);

}  // namespace pgvigil::json
