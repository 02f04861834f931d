#include "checks/held_back_examples.h"

#include "checks/probes/activity.h"
#include "checks/probes/dead_tuples.h"
#include "checks/probes/long_commands.h"
#include "checks/probes/prepared_transactions.h"
#include "checks/probes/server.h"
#include "checks/probes/xmin_holders.h"

namespace pgvigil::held_back_examples {

Scenario past(const Past& p) {
  Scenario s;
  DeadTuples t{.database = "shop", .relation = "jobs", .name = "public.jobs", .owner = "app"};
  t.dead = p.dead;
  t.live = p.live;
  t.threshold = p.threshold;
  t.autovacuum = p.autovacuum;
  t.vacuumed = p.vacuumed;
  t.naptime = p.naptime;
  t.changed = 100'000;
  DeadTuples before = t;
  if (p.filling) before.changed -= 6000;
  s.saw(60, dead_tuples, {before});
  for (int ago = 5; ago >= 0; --ago) {
    std::vector<Session> rows;
    for (int i = 0; i < p.sessions + p.others; ++i) {
      Session w{.pid = 20 + i, .database = "shop", .user = "app", .application = "worker", .client = "local"};
      w.backend_type = "client backend";
      w.state = "active";
      w.query_id = i < p.sessions ? "7" : "8";
      w.query = i < p.sessions ? "DELETE FROM jobs WHERE id = (SELECT id FROM jobs ORDER BY id LIMIT $1)"
                               : "SELECT name FROM people WHERE id = $1";
      w.query_start = 1e9 - ago;
      w.query_age = w.transaction_age = w.state_age = 0.1;
      rows.push_back(w);
    }
    if (p.kind == "session") {
      Session h{.pid = 10, .database = "shop", .user = "bi", .application = "notebook", .client = "10.0.0.7"};
      h.backend_type = "client backend";
      h.state = p.state;
      h.query = "SELECT count(*) FROM jobs";
      h.transaction_age = h.state_age = h.query_age = p.open;
      rows.push_back(h);
    }
    s.saw(ago, activity, rows);
  }
  XminHolder h{.kind = p.kind, .name = p.kind == "session" ? "10" : "north", .pid = p.kind == "session" ? 10 : 0};
  h.database = p.kind == "slot" || p.kind == "standby" ? "" : "shop";
  h.user = "bi";
  h.application = "notebook";
  h.state = p.kind == "session" ? p.state : p.kind == "slot" ? "inactive" : "";
  h.xids = p.xids;
  if (p.kind == "session" || p.kind == "prepared") h.seconds = p.open;
  s.saw(0, xmin_holders, p.kind.empty() ? std::vector<XminHolder>{} : std::vector<XminHolder>{h});
  std::vector<PreparedTransaction> prepared;
  if (p.kind == "prepared")
    prepared.push_back({.gid = "north", .database = "shop", .owner = "bi", .transaction = "739"});
  s.saw(0, prepared_transactions, prepared);
  std::vector<LongCommand> commands;
  LongCommand vacuum{
      .pid = 90, .database = "shop", .command = "VACUUM", .table = "public.jobs", .phase = "scanning heap"};
  vacuum.automatic = true;
  vacuum.age = p.worker;
  if (p.worker > 0) commands.push_back(vacuum);
  for (int i = 0; i < p.busy; ++i) {
    vacuum.pid = 91 + i;
    vacuum.table = "public.archive_" + std::to_string(i);
    commands.push_back(vacuum);
  }
  s.saw(0, long_commands, commands);
  Server server_row{.version_num = 150000, .in_recovery = p.standby, .can_read_stats = true};
  return s.saw(0, dead_tuples, {t}).saw(0, server, {server_row});
}

}  // namespace pgvigil::held_back_examples
