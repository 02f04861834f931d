// Is the client of a running statement still there? The kernel knows before the server does.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/host/postmaster.h"

namespace pgvigil {

// One running statement and the client's end of its connection.
struct RunningStatement {
  std::int64_t pid = 0;
  double query_start = 0;
  std::string client = {};  // address
  std::int64_t client_port = 0;
};

// Rows of the probe `client_sockets` for those whose connection can be found, or is proven to be gone. None are asked
// about: no row, and nothing is read. Answer::at is left to the caller.
Answer read_client_sockets(const HostOptions& options, const std::vector<RunningStatement>& statements);

namespace host {

struct Socket {
  std::string client;  // the far end's address; a mapped IPv4 address as IPv4
  std::int64_t port = 0;
  bool closed = false;  // CLOSE_WAIT: the far end has hung up and we have not
};
// /proc/net/tcp or tcp6.
std::vector<Socket> parse_sockets(std::string_view table);

}  // namespace host
}  // namespace pgvigil
