// Queries that take far longer than the planner thought, because the statistics of what they read are not of today.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "checks/check.h"
#include "checks/load.h"
#include "checks/plans/catalogue.h"

namespace pgvigil {

constexpr Setting<Ratio> changed{"changed", 0.5,
                                 "share of a table's rows that came or changed since its last ANALYZE, from which its "
                                 "statistics are not of today"};
constexpr Setting<Ratio> off_by{"off_by", 10,
                                "a query takes so many times longer than its plan should on a slow machine"};
constexpr double slow_unit = 1e-4;  // seconds of one unit of cost on a slow machine; a fast one needs a tenth

struct Staleness {
  const KnownTable* table = nullptr;  // of partitions, the topmost parent
  bool never = false;                 // it was never analysed, as far as can be seen
  double share = 0;                   // of its rows that changed since
  std::string in_words()
      const;  // "was never analysed", "400,000 of 401,000 rows came or changed since its last ANALYZE"
};
// None where the statistics are of today, or where it cannot be told.
std::optional<Staleness> staleness(const Catalogue& catalogue, const KnownTable& table, double changed_share);

struct Misjudged {
  QueryLoad query;
  std::string text;
  std::vector<Staleness> tables;       // that its plan reads; the most changed first
  double seconds = 0;                  // one execution takes this long on a core, or longer
  double expected = 0;                 // what its cost makes on a slow machine
  double rows = 0, rows_expected = 0;  // of its result, where that is what is off
};
struct MisjudgedOptions {
  double min_load = 0.2, changed_share = changed.fallback, off = off_by.fallback;
};
std::vector<Misjudged> misjudged(const Input& in, const Catalogue& catalogue, const Load& load,
                                 const MisjudgedOptions& options = {});

}  // namespace pgvigil
