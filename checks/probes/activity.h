// Sessions that are not idle: the 1 s load sample. Idle ones are only counted (connections).
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct Session {
  std::int64_t pid = 0;
  std::optional<std::int64_t> leader_pid = {};                          // of a parallel worker
  std::string database = {}, user = {}, application = {}, client = {};  // client: address, "local" for a Unix socket
  std::int64_t client_port = 0;                                         // 0 where it has none
  std::string backend_type = {};                      // "client backend", "parallel worker", "autovacuum worker" ...
  std::string state = {};                             // active, idle in transaction, ...; "" when hidden from us
  std::string wait_event_type = {}, wait_event = {};  // "" when it waits for nothing
  std::string query_id = {};  // the server's; where it has none, "f" and libpg_query's fingerprint
  std::string query = {};     // literals replaced by $n on the way in
  std::optional<double> query_age = {}, transaction_age = {}, state_age = {};  // seconds
  double backend_age = 0;
  double query_start = 0;                     // epoch seconds; with pid it identifies one execution
  std::vector<std::int64_t> blocked_by = {};  // pids; asked only while somebody waits for a lock
  bool truncated = false;                     // the text fills track_activity_query_size
};

extern const Probe<Session> activity;

// We are "pgvigil"; `diagnose --watch`, which stays, is "pgvigil diagnose". The probe leaves both out.
inline bool is_ours(const Session& s) { return s.application == "pgvigil" || s.application == "pgvigil diagnose"; }

}  // namespace pgvigil
