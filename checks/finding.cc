#include "checks/finding.h"

namespace pgvigil {

std::string_view to_string(Severity s) {
  static constexpr std::string_view names[] = {"ok", "info", "warning", "critical"};
  return names[static_cast<std::size_t>(s)];
}
std::string_view to_string(Role r) {
  static constexpr std::string_view names[] = {"cause", "symptom", "event", "advice"};
  return names[static_cast<std::size_t>(r)];
}
std::string_view to_string(ActBy a) {
  static constexpr std::string_view names[] = {"now", "today", "this week", "later"};
  return names[static_cast<std::size_t>(a)];
}
std::string_view to_string(Confidence c) {
  static constexpr std::string_view names[] = {"low", "medium", "high"};
  return names[static_cast<std::size_t>(c)];
}
std::string_view to_string(Preflight::Outcome o) {
  static constexpr std::string_view names[] = {"pass", "unknown", "wait", "fail"};
  return names[static_cast<std::size_t>(o)];
}
std::string_view to_string(Remedy::Kind k) { return k == Remedy::Kind::cure ? "cure" : "first_aid"; }

}  // namespace pgvigil
