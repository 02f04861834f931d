// Sequences and integer keys that have used much of what their type can hold.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct SequenceUse {
  std::string database = {}, name = {};  // the sequence, qualified and quoted; of a key without one: its index
  std::string table = {}, column = {};   // what it feeds; "" for a sequence that feeds no column
  std::string owner = {};
  std::string type = {};       // of what it feeds, else of the sequence: smallint, integer, bigint, numeric(6,0)
  bool is_sequence = true;     // false: an integer key, known by its statistics
  bool own_limit = false;      // it ends at its own MAXVALUE (MINVALUE, where it counts down) before its type does
  bool down = false;           // it counts down
  double last = 0, limit = 0;  // absolute values
  double before = 0;           // the value before its first
  double step = 1;
  std::int64_t looked_at = 0, there_are = 0;  // sequences of this database
  std::int64_t hidden = 0;                    // of those looked at, that we may not read
};

extern const Probe<SequenceUse> sequences;

}  // namespace pgvigil
