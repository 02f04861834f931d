// Two-phase transactions that are prepared and wait for COMMIT PREPARED or ROLLBACK PREPARED.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct PreparedTransaction {
  std::string gid = {}, database = {}, owner = {};
  std::string transaction = {};  // its id
  std::int64_t xid_age = 0;      // transactions since it began
  double age = 0;                // seconds since it was prepared
};

extern const Probe<PreparedTransaction> prepared_transactions;

}  // namespace pgvigil
