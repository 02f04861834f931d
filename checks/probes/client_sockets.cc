#include "checks/probes/client_sockets.h"

namespace pgvigil {

const Probe<ClientSocket> client_sockets{
    {.id = "client_sockets", .title = "Connections of statements that run for long", .scope = Scope::host},
    {{"pid", &ClientSocket::pid}, {"query_start", &ClientSocket::query_start}, {"state", &ClientSocket::state}},
    [](const ClientSocket& s) { return std::to_string(s.pid); }};

}  // namespace pgvigil
