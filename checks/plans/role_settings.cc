#include "checks/plans/role_settings.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <utility>

namespace pgvigil {
namespace {

int narrowness(const ServerSetting& s) {
  return s.scope == "role in database" ? 4 : s.scope == "role" ? 3 : s.scope == "database" ? 2 : s.scope == "all roles";
}

constexpr std::array<std::string_view, 4> sized{"temp_file_limit", "maintenance_work_mem", "work_mem",
                                                "max_parallel_maintenance_workers"};

}  // namespace

const ServerSetting* setting_for(const Input& in, std::string_view name, std::string_view role,
                                 std::string_view database) {
  const ServerSetting* best = nullptr;
  for (const ServerSetting& s : in.now(server_settings))
    if (s.name == name && !s.hidden && (s.role.empty() || s.role == role) &&
        (s.database.empty() || s.database == database) && (best == nullptr || narrowness(s) > narrowness(*best)))
      best = &s;
  return best;
}

std::optional<std::int64_t> size_setting(std::string_view value) {
  std::string plain;
  for (const char c : value)
    if (c != '\'' && std::isspace(static_cast<unsigned char>(c)) == 0) plain += c;
  double n = 0;
  const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), n);
  if (error != std::errc()) return std::nullopt;
  if (n < 0) return -1;
  static constexpr std::pair<std::string_view, double> units[] = {{"", 1024.0},   {"B", 1.0},     {"kB", 1024.0},
                                                                  {"MB", 0x1p20}, {"GB", 0x1p30}, {"TB", 0x1p40}};
  const std::string_view unit(end, static_cast<std::size_t>(plain.data() + plain.size() - end));
  for (const auto& [name, factor] : units)
    if (name == unit && n * factor < 0x1p62) return static_cast<std::int64_t>(std::llround(n * factor));
  return std::nullopt;
}

void set(Server& s, std::string_view name, std::string_view value) {
  const auto size = size_setting(value);
  if (!size) return;
  if (name == "temp_file_limit") s.temp_file_limit = *size;
  if (name == "maintenance_work_mem") s.maintenance_work_mem = *size;
  if (name == "work_mem") s.work_mem = *size;
  if (name == "max_parallel_maintenance_workers") s.max_parallel_maintenance_workers = *size / 1024;  // a bare number
}

Server with_settings_of(Server s, const Input& in, std::string_view role, std::string_view database) {
  for (const std::string_view name : sized)
    if (const ServerSetting* own = setting_for(in, name, role, database); own != nullptr && own->scope != "server")
      set(s, name, own->value);
  return s;
}

}  // namespace pgvigil
