// Duplicate keys of candidate unique indexes. Reads user data: only in diagnose, in hash slices, not when the server is
// busy.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct Duplicates {
  std::string database = {}, table = {};
  std::vector<std::string> columns = {};     // quoted
  std::int64_t duplicate_keys = 0;           // keys that occur more than once, in the slices done
  std::int64_t slices_done = 0, slices = 0;  // exact when they are equal
};

extern const Probe<Duplicates> duplicates;

}  // namespace pgvigil
