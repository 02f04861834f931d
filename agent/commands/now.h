// UTC that only goes forward: anchored at start, carried by the monotonic clock, so that a change of the wall clock
// makes no interval negative and no cycle double.
#pragma once

#include <chrono>

#include "checks/time.h"

namespace pgvigil {

class Now {
 public:
  Time operator()() const {
    return anchor_ + std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - start_);
  }

 private:
  Time anchor_ = std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::now());
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace pgvigil
