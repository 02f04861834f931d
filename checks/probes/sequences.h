// Sequences and integer keys that have used much of what their type can hold.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct SequenceUse {
  std::string database = {}, name = {};  // the sequence, qualified and quoted; of a key without one: its index
  std::string table = {}, column = {};   // what it feeds; "" for a sequence that feeds no column
  std::string owner = {};
  std::string type = {};       // of what ends first: smallint, integer, bigint
  bool is_sequence = true;     // false: an integer key, known by its statistics
  double last = 0, limit = 0;  // absolute values
  double step = 1;
  std::int64_t looked_at = 0, there_are = 0;  // sequences of this database
  std::int64_t hidden = 0;                    // of those looked at, that we may not read
};

extern const Probe<SequenceUse> sequences;

}  // namespace pgvigil
