// The server's own processes, where they can be seen from here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/host/procfs.h"
#include "checks/probe.h"

namespace pgvigil {

struct HostOptions {
  std::string root = {};                 // put before /proc and /sys; "" is this machine
  bool local = true;                     // the server runs on this machine (is_local_address, and no tunnel in between)
  std::int64_t backend_pid = 0;          // of our own session (Server::backend_pid); 0: not known
  std::string user = {}, database = {};  // of that session: its process title names both
  double ticks_per_second = 0;           // 0: asks the system
  std::string data_directory = {};       // as the server names it; "" where we may not know
  double start_time = 0;                 // epoch seconds of the postmaster
  std::int64_t client_port = 0;          // of our own session, as the server sees it; 0 over a Unix socket
};

namespace host {

std::optional<Process> read_process(const std::string& root, std::int64_t pid);
// The postmaster of our backend. A pid may belong to another namespace, where it names something else: so the
// process must be a PostgreSQL backend with our user and database in its title.
std::optional<Process> find_postmaster(const HostOptions& options);
Failure unseen(std::string message, std::string mend);  // PGV04

}  // namespace host
}  // namespace pgvigil
