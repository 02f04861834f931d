// What keeps vacuum from removing dead rows: open snapshots and transactions, prepared ones, slots, standbys.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct XminHolder {
  std::string kind = {};  // session, prepared, slot, standby
  std::string name = {};  // pid, gid, slot, the standby's application name
  std::int64_t pid = 0;   // 0 where no process holds it
  std::string database = {}, user = {}, application = {}, state = {};
  std::int64_t xids = 0;               // transactions begun since
  std::optional<double> seconds = {};  // since when, where the server tells
  std::string holds = {};              // of a session: "snapshot", or only its "transaction id"; "" was not asked
  bool catalog_only = false;           // holds back the catalogues alone (logical slots)
};

extern const Probe<XminHolder> xmin_holders;

}  // namespace pgvigil
