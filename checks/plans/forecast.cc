// What building an index takes: disk, temporary files, memory, time.
#include <algorithm>
#include <cmath>

#include "checks/plans/advice.h"

namespace pgvigil {
namespace {

// Of a key: the column alone, or with an operator class or an order behind it.
const RelationColumn* fact(std::span<const RelationColumn> columns, const std::string& key) {
  for (const RelationColumn& c : columns)
    if (c.column == key || key.starts_with(c.column + " ")) return &c;
  return nullptr;
}

}  // namespace

BuildForecast forecast(const Table& table, std::span<const std::string> columns, std::span<const RelationColumn> facts,
                       const Server& on) {
  BuildForecast f;
  f.known = table.rows && *table.rows > 0;
  double width = 8, distinct = 1;
  bool every_distinct = true, deduplicates = on.version_num >= 130000;
  const auto heap = static_cast<double>(table.heap_bytes);
  const double n = f.known ? *table.rows : heap / 60;  // short rows, so that the guess errs on the safe side
  for (const std::string& name : columns) {
    const RelationColumn* c = fact(facts, name);
    const std::string type = c == nullptr ? "" : c->type;
    const bool four = type == "integer" || type == "date" || type == "real";
    const bool two = type == "smallint", one = type == "boolean" || type == "\"char\"";
    const bool eight =
        type == "bigint" || type == "double precision" || type.starts_with("timestamp") || type == "money";
    double w = four ? 4 : two ? 2 : one ? 1 : eight ? 8 : type == "uuid" ? 16 : 32;
    if (!four && !two && !one && !eight && c != nullptr && c->average_width) w = *c->average_width;
    const double align = eight ? 8 : four ? 4 : two ? 2 : one || w < 127 ? 1 : 4;
    width = std::ceil(width / align) * align + w;
    if (c == nullptr || !c->distinct || *c->distinct == 0)
      every_distinct = false;
    else
      distinct *= *c->distinct < 0 ? -*c->distinct * n : *c->distinct;
    if (type.starts_with("numeric") || type == "real" || type == "double precision" || type == "jsonb")
      deduplicates = false;
  }
  const double w = 8 * std::ceil(width / 8);
  const auto memory = static_cast<double>(on.maintenance_work_mem);
  // A tuple in memory: itself in its allocator's chunk, and 24 bytes of the sorted array. Up to 15 a chunk has a
  // header of 16 or 24 bytes, and some allocators round up to a power of two; the larger figure is the safe one.
  const double chunk = on.version_num >= 170000   ? w
                       : on.version_num >= 160000 ? w + 16
                                                  : std::max(std::exp2(std::ceil(std::log2(w))) + 16, w + 24);
  const double in_memory = n * (chunk + 24);

  // As plan_create_index_workers: one worker at 8 MB, one more for each factor of 3, 32 MB of memory for each process.
  std::int64_t workers = 0;
  for (double size = heap; size >= 8 * 1024 * 1024 && workers < on.max_parallel_maintenance_workers; size /= 3)
    ++workers;
  while (workers > 0 && memory / static_cast<double>(workers + 1) < 32 * 1024 * 1024) --workers;

  const double sort = workers > 0 || in_memory > memory ? n * (w + 4) * 8192 / 8176 : 0;
  const double validation = n * 24 > memory ? n * 12 : 0;
  f.temp_bytes = std::max(sort, validation);
  const double step = 16 * 1024 * 1024;
  f.memory_to_stay = std::ceil(std::max(in_memory, n * 24) * 1.1 / step) * step;

  double leaf = n * (w + 4);
  distinct = std::min(distinct, n);
  if (deduplicates && every_distinct && distinct >= 1 && n / distinct > 1.05) {
    const double each = n / distinct;  // rows of a key: posting tuples of at most 812 bytes, 6 for each row
    const double tuples = std::ceil(each * 6 / std::max(6.0, 812 - w));
    leaf = std::min(leaf, distinct * (tuples * (w + 4) + each * 6));
  }
  f.index_bytes = leaf / (8152 * 0.9) * 8192 * (1 + (w + 4) / 7337);
  f.minutes = (1 + heap / 200e6 + n * 1.5e-6 + f.temp_bytes / 150e6) / 60;
  return f;
}

}  // namespace pgvigil
