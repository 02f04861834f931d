// CPU time of the machine the server runs on, of the server's cgroup and of its processes.
#pragma once

#include <string>
#include <string_view>

#include "checks/probe.h"

namespace pgvigil {

struct HostOptions {
  std::string root = {};                 // put before /proc and /sys; "" is this machine
  bool local = true;                     // the server runs on this machine (is_local_address, and no tunnel in between)
  std::int64_t backend_pid = 0;          // of our own session (Server::backend_pid); 0: not known
  std::string user = {}, database = {};  // of that session: its process title names both
  double ticks_per_second = 0;           // 0: asks the system
};

// Rows of the probe `cpu`: host; cgroup and processes only where the server's processes are visible from here, by the
// backend's pid. No row and a failure PGV04 when the server is not on this machine. Answer::at is left to the caller.
Answer read_cpu(const HostOptions& options);

// Is this an address of this machine? inet_server_addr() as text; "" is a Unix socket. A tunnel ends on a loopback
// address too: Server::client_port then differs from the port of our own end.
bool is_local_address(std::string_view address);

}  // namespace pgvigil
