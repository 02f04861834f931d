// The server's end of the connections whose statements run for long: is the client still there?
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct ClientSocket {
  std::int64_t pid = 0;
  double query_start = 0;  // with pid it identifies one execution, as in the load sample
  std::string state = {};  // open; closed: the client has hung up; gone: the kernel knows the connection no more
};

extern const Probe<ClientSocket> client_sockets;

}  // namespace pgvigil
