// What changed between two looks at one target. Pure. What was not seen on either side is said, never taken for gone.
#pragma once

#include <vector>

#include "agent/core/report.h"
#include "agent/core/rollup.h"

namespace pgvigil {

struct Side {
  const History* history = nullptr;
  const Context* context = nullptr;
  Time at{};
  std::vector<Minute> minutes = {};  // where the samples are gone, or beside them; may be empty
};

Changes compare(const Side& then, const Side& now);

// A comparison is an entry of this table (compare.cc and compare_load.cc).
using Compare = void (*)(const Input& then, const Input& now, Changes& out);
struct Comparison {
  const AnyProbe* reads;  // rows of it on both sides; without them it is "not compared"
  Compare compare;
};
const std::vector<Comparison>& comparisons();
void compare_load(const Side& then, const Side& now, Changes& out);

}  // namespace pgvigil
