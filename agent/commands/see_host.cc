#include "agent/commands/see_host.h"

#include <algorithm>

#include "agent/host/cpu.h"
#include "agent/host/disks.h"
#include "agent/host/memory.h"
#include "agent/host/sockets.h"
#include "checks/load.h"
#include "checks/probes/client_sockets.h"
#include "checks/probes/cpu.h"
#include "checks/probes/disks.h"
#include "checks/probes/memory.h"
#include "checks/probes/server.h"

namespace pgvigil {
namespace {

constexpr double long_statement = 3;  // seconds: who asks for less does not hang up first
constexpr std::size_t many = 3, most = 500;

// The table of connections is only read when several statements run for long.
std::vector<RunningStatement> running(const History& history) {
  std::vector<RunningStatement> all;
  const Answer* a = history.latest(activity);
  if (a == nullptr || !a->rows) return all;
  for (const Session& s : static_cast<const RowsOf<Session>&>(*a->rows).rows)
    if (is_active(s) && !s.leader_pid && s.client_port > 0 && s.query_age.value_or(0) >= long_statement &&
        all.size() < most)
      all.push_back({s.pid, s.query_start, s.client, s.client_port});
  if (all.size() < many) all.clear();
  return all;
}

}  // namespace

bool is_local(const Conninfo& conninfo) {
  const auto places = conninfo.places();
  return !places.empty() && std::all_of(places.begin(), places.end(), [](const Conninfo::Place& p) {
    const std::string& address = p.address.empty() ? p.host : p.address;
    return p.local || address == "localhost" || is_local_address(address);
  });
}

Observation see_host(const History& history, const Conninfo& conninfo, Time at) {
  HostOptions options;
  options.local = is_local(conninfo);
  if (const Answer* a = history.latest(server); a != nullptr && a->rows && a->rows->size() > 0) {
    const Server& s = static_cast<const RowsOf<Server>&>(*a->rows).rows.front();
    options.backend_pid = s.backend_pid;
    options.user = s.role;
    options.database = s.database;
    options.data_directory = s.data_directory;
    options.start_time = s.start_time;
    options.client_port = s.client_port;
  }
  Observation o{at, {}};
  o.answers[std::string(cpu.id())] = read_cpu(options);
  o.answers[std::string(memory.id())] = read_memory(options);
  o.answers[std::string(disks.id())] = read_disks(options);
  o.answers[std::string(client_sockets.id())] = read_client_sockets(options, running(history));
  for (auto& [id, answer] : o.answers) answer.at = at;
  return o;
}

}  // namespace pgvigil
