#include "agent/commands/see_cpu.h"

#include <algorithm>

#include "agent/host/cpu.h"
#include "checks/probes/server.h"

namespace pgvigil {

bool is_local(const Conninfo& conninfo) {
  const auto places = conninfo.places();
  return !places.empty() && std::all_of(places.begin(), places.end(), [](const Conninfo::Place& p) {
    const std::string& address = p.address.empty() ? p.host : p.address;
    return p.local || address == "localhost" || is_local_address(address);
  });
}

Answer see_cpu(const History& history, const Conninfo& conninfo, Time at) {
  HostOptions options;
  options.local = is_local(conninfo);
  if (const Answer* a = history.latest(server); a != nullptr && a->rows && a->rows->size() > 0) {
    const Server& s = static_cast<const RowsOf<Server>&>(*a->rows).rows.front();
    options.backend_pid = s.backend_pid;
    options.user = s.role;
    options.database = s.database;
  }
  Answer answer = read_cpu(options);
  answer.at = at;
  return answer;
}

}  // namespace pgvigil
