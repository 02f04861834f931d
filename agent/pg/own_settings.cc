#include "agent/pg/own_settings.h"

#include <algorithm>
#include <utility>

namespace pgvigil::pg {
namespace {

constexpr std::string_view kAnyValue = "0", kAnyUuid = "00000000-0000-0000-0000-000000000000";
constexpr std::size_t kMostOwnSettings = 8, kLongestOwnSetting = 200;  // each costs a refusal; bytes

// The first name with a dot in a message of any language; "" when there is none of a usual kind.
std::string dotted_name(std::string_view message) {
  static constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$.";
  for (auto first = message.find_first_of(letters); first != std::string_view::npos;) {
    const auto end = std::min(message.find_first_not_of(letters, first), message.size());
    const std::string_view word = message.substr(first, end - first);
    const auto dot = word.find('.');
    if (dot != std::string_view::npos && dot > 0 && word.back() != '.')
      return word.size() > kLongestOwnSetting ? std::string() : std::string(word);
    first = message.find_first_of(letters, end);
  }
  return "";
}

}  // namespace

bool learn(OwnSettings& known, const Outcome& refusal) {
  if (refusal.sqlstate == "42704" && refusal.source == "guc.c" && known.size() < kMostOwnSettings) {
    std::string name = dotted_name(refusal.message);
    return !name.empty() && known.emplace(std::move(name), kAnyValue).second;
  }
  if (!refusal.sqlstate.starts_with("22")) return false;
  bool changed = false;
  for (auto& [name, value] : known) changed |= std::exchange(value, kAnyUuid) != kAnyUuid;
  return changed;
}

void set_own(std::vector<Command>& commands, const OwnSettings& own) {
  for (const auto& [name, value] : own)
    commands.push_back(query("select pg_catalog.set_config($1, $2, true)", {name, std::string(value)}));
}

}  // namespace pgvigil::pg
