#include "checks/late_vacuum.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "checks/probes/long_commands.h"
#include "checks/probes/server_settings.h"
#include "checks/probes/tables.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr double memory = 30 * 60;  // seconds of readings that are looked at
constexpr double most_workers = 3;  // as PostgreSQL has it, where nobody sets it

// A table of another database than ours is known by its oid.
bool is_on(const Input& in, const LongCommand& c, const DeadTuples& table) {
  if (c.database != table.database) return false;
  if (c.table == table.name) return true;
  const auto all = in.now(tables);
  return std::any_of(all.begin(), all.end(), [&](const Table& t) {
    return t.database == table.database && t.name == table.name && c.table == std::to_string(t.oid);
  });
}

double set(const Input& in, std::string_view name, double otherwise) {
  for (const ServerSetting& s : in.now(server_settings))
    if (s.scope == "server" && s.name == name) return std::strtod(s.value.c_str(), nullptr);
  return otherwise;
}

// Settings that make it slower than PostgreSQL would.
std::string brakes(const Input& in) {
  std::vector<std::string> all;
  for (const ServerSetting& s : in.now(server_settings)) {
    if (s.scope != "server") continue;
    const double is = std::strtod(s.value.c_str(), nullptr), usual = std::strtod(s.boot.c_str(), nullptr);
    const bool limit = s.name == "vacuum_cost_limit" || s.name == "autovacuum_vacuum_cost_limit";
    const bool lower = limit && is > 0 && is < (usual > 0 ? usual : 200);
    if (lower || (s.name == "autovacuum_vacuum_cost_delay" && is > usual))
      all.push_back(fmt::format("{} = {}", s.name, in_words(s)));
  }
  return words::list(all, 3);
}

std::string far(const LongCommand& c) {
  std::string text = words::one_line(c.phase, 40);
  if (c.total > 0)
    text += fmt::format("{}{} of {} blocks", text.empty() ? "" : ", ", words::count(static_cast<double>(c.done)),
                        words::count(static_cast<double>(c.total)));
  return text;
}

// Since when the table is past the point from which autovacuum comes, without a vacuum that has ended since.
double waited(const Input& in, const DeadTuples& table) {
  double longest = 0;
  const auto all = in.series(dead_tuples, memory);
  for (auto answer = all.rbegin(); answer != all.rend(); ++answer) {
    const double ago = seconds_between(answer->at, in.at());
    const bool due = std::any_of(answer->rows.begin(), answer->rows.end(), [&](const DeadTuples& t) {
      return t.database == table.database && t.name == table.name && static_cast<double>(t.dead) >= t.threshold;
    });
    if (!due || (table.vacuumed && *table.vacuumed <= ago)) break;
    longest = ago;
  }
  return longest;
}

}  // namespace

std::optional<LateVacuum> vacuum_is_late(const Input& in, const DeadTuples& table) {
  if (!table.autovacuum) return std::nullopt;
  const LongCommand* here = nullptr;
  std::vector<std::string> elsewhere;
  for (const LongCommand& c : in.now(long_commands)) {
    if (!c.automatic) continue;
    if (c.command == "VACUUM" && is_on(in, c, table))
      here = &c;
    else
      elsewhere.push_back(c.database == table.database && !c.table.empty() ? c.table : "in database " + c.database);
  }
  LateVacuum late;
  const double workers = set(in, "autovacuum_max_workers", most_workers), due = waited(in, table);
  if (here != nullptr) {
    if (here->age < in[late_vacuum::at_work]) return std::nullopt;
    late.at_work = true;
    late.why = fmt::format("autovacuum has worked on it for {} and is not through", words::duration(here->age));
    late.pace = far(*here);
  } else if (static_cast<double>(elsewhere.size()) >= workers) {
    late.why =
        fmt::format("all {:.0f} workers of autovacuum are busy elsewhere: {}", workers, words::list(elsewhere, 3));
  } else if (due > 0 && due >= in[late_vacuum::naptimes] * table.naptime) {
    late.why = fmt::format("autovacuum has been due for {} and has not come", words::duration(due));
  } else {
    return std::nullopt;
  }
  late.slowed = brakes(in);
  return late;
}

}  // namespace pgvigil
