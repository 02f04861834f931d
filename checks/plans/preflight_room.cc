// What a statement needs of temporary files and disk, against what there is.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "checks/plans/preflight_parts.h"
#include "checks/probes/disks.h"
#include "checks/words.h"

namespace pgvigil::preflights {
namespace {

using Kind = Pasted::Kind;

const Disk* data_directory(const Input& in) {
  for (const Disk& d : in.now(disks))
    if (d.holds.starts_with("data directory")) return &d;
  return nullptr;
}

std::string memory_to_stay(const Statement& s, const std::vector<std::string>& columns) {
  const BuildForecast f = forecast(s.table->table, columns, s.table->columns, *s.server);
  return fmt::format(
      "as a superuser SET temp_file_limit, or sort in memory: SET maintenance_work_mem = '{:.0f}MB'; SET "
      "max_parallel_maintenance_workers = 0;",
      std::ceil(f.memory_to_stay / (1024 * 1024)));
}

std::vector<std::string> keys(const Statement& s) { return s.index != nullptr ? s.index->columns : s.does->columns; }

Part temporary_files(const Statement& s, const Build& b) {
  Part part{{.what = "temporary files", .outcome = Outcome::unknown, .figure = b.unknown}};
  if (!b.unknown.empty()) return part;
  const auto limit = static_cast<double>(s.server->temp_file_limit);
  const std::string needs = b.temp > 0 ? fmt::format("needs about {} of temporary files", words::bytes(b.temp))
                                       : fmt::format("sorts in memory (maintenance_work_mem {})",
                                                     words::bytes(static_cast<double>(s.server->maintenance_work_mem)));
  part.item.outcome = Outcome::pass;
  part.item.figure = needs;
  if (limit < 0) {
    part.item.figure += ", temp_file_limit is not set";
    return part;
  }
  part.item.figure += fmt::format(", temp_file_limit is {}{}", words::bytes(limit),
                                  s.own.contains("temp_file_limit") ? " (the step sets it)" : "");
  if (b.temp <= limit) return part;
  part.item.outcome = b.guessed ? Outcome::unknown : Outcome::fail;
  if (b.guessed) part.item.figure += "; the row count is unknown and this a guess";
  part.item.todo = memory_to_stay(s, keys(s));
  return part;
}

Part disk(const Statement& s, const Build& b) {
  Part part{{.what = "disk", .outcome = Outcome::unknown, .figure = b.unknown}};
  if (!b.unknown.empty()) return part;
  const double needed = b.disk + b.temp;
  const std::string needs = fmt::format("needs about {}", words::bytes(needed));
  const Disk* d = data_directory(*s.in);
  if (d == nullptr) {
    part.item.figure = needs + "; the server's disks are not seen from here";
    part.item.todo = "look with df on the server";
    return part;
  }
  part.item.figure =
      fmt::format("{}, {} free where the data directory lies", needs, words::bytes(static_cast<double>(d->available)));
  if (needed < static_cast<double>(d->available)) {
    part.item.outcome = Outcome::pass;
    return part;
  }
  part.item.outcome = b.guessed ? Outcome::unknown : Outcome::fail;
  part.item.todo = "make room first: a full disk ends the server";
  return part;
}

}  // namespace

std::optional<Build> build(const Statement& s) {
  const Pasted& p = *s.does;
  const bool index = p.kind == Kind::create_index || (p.kind == Kind::reindex && p.names_index);
  if (!index && !p.rewrites) return std::nullopt;
  Build b;
  if (s.table == nullptr || !s.server) {
    b.unknown = "the table was not seen";
    return b;
  }
  const Table& t = s.table->table;
  if (t.heap_bytes <= 0 && !t.size_known) {
    b.unknown = "the size of the table is not known";
    return b;
  }
  if (!index) {
    b.disk = static_cast<double>(t.size());
    return b;
  }
  const std::string& method = s.index != nullptr ? s.index->method : p.method;
  if (method != "btree") {
    b.unknown = "predicted for B-tree indexes alone";
    return b;
  }
  const BuildForecast f = forecast(t, keys(s), s.table->columns, *s.server);
  b = {.disk = f.index_bytes, .temp = f.temp_bytes, .seconds = f.minutes * 60, .guessed = !f.known};
  return b;
}

std::vector<Part> room(const Statement& s, const Build& b) {
  std::vector<Part> all;
  if (!s.does->rewrites) all.push_back(temporary_files(s, b));
  all.push_back(disk(s, b));
  return all;
}

}  // namespace pgvigil::preflights
