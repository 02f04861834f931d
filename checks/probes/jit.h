// JIT compilation: is there a compiler, and who has it switched on from which cost.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct Jit {
  std::string setting = {};              // jit, jit_above_cost; provider: on, off, or "" when it cannot be told
  std::string layer = {};                // server, role, database, role in database
  std::string role = {}, database = {};  // "" where it does not apply
  std::string value = {};                // as it is written: on, off, 100000
};

extern const Probe<Jit> jit;

}  // namespace pgvigil
