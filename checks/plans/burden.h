// What makes each execution of a statement costly where no index would help.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgvigil {

struct Burden {
  std::string what;     // "its join compares each of 60 rows with each of 60,000, since no equality joins them"
  std::string instead;  // "a condition that joins them by equality"
};
// None where the plan shows nothing of the kind, or is no plan. `text` is the statement's.
std::optional<Burden> burden(const std::string& plan_json, std::string_view text);

}  // namespace pgvigil
