// CPU time of the machine the server runs on, of the server's cgroup and of its processes.
#pragma once

#include <string_view>

#include "agent/host/postmaster.h"
#include "checks/probe.h"

namespace pgvigil {

// Rows of the probe `cpu`: host; cgroup and processes only where the server's processes are visible from here, by the
// backend's pid. No row and a failure PGV04 when the server is not on this machine. Answer::at is left to the caller.
Answer read_cpu(const HostOptions& options);

// Is this an address of this machine? inet_server_addr() as text; "" is a Unix socket. A tunnel ends on a loopback
// address too: Server::client_port then differs from the port of our own end.
bool is_local_address(std::string_view address);

}  // namespace pgvigil
