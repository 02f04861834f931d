// How fast a declared migration goes, and since when it does not.
#pragma once

#include "checks/check.h"
#include "checks/probes/migrations.h"

namespace pgvigil {

struct MigrationPace {
  Time first{}, still_since{},
      newest{};        // looks: the first of the window, the first that saw what is done now, the last
  double grown = 0;    // between the first and the last
  bool moved = false;  // an earlier look saw something else

  double before() const;  // per second until it stood still; 0: it was not seen to grow
  // At its speed in the window; none where that was never seen, or the end is reached.
  std::optional<double> left_seconds(const MigrationProgress& m) const;
};

bool finished(const MigrationProgress& m);
MigrationPace pace(const Input& in, const MigrationProgress& m);
// It was seen to move, or began before we looked; has an end that it has not reached; and did not move for `seconds`.
bool stands_still(const MigrationProgress& m, const MigrationPace& p, double seconds);

}  // namespace pgvigil
