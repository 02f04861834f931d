#include "checks/blocking_examples.h"

#include <algorithm>

#include "checks/probes/activity.h"
#include "checks/probes/lock_waits.h"

namespace pgvigil::blocking_examples {

Scenario queue(const Queue& q) {
  Scenario s;
  std::vector<Session> rows;
  std::vector<LockWait> locks;
  Session root{.pid = 10, .database = "shop", .user = "app", .application = q.application, .client = "10.0.0.7"};
  root.backend_type = "client backend";
  root.state = q.state;
  root.query = q.root_query;
  root.query_age = root.transaction_age = root.state_age = q.age + q.held;
  if (!q.prepared) rows.push_back(root);
  if (q.beside) {
    Session other = root;
    other.pid = 11;
    other.user = "exporter";
    other.state = "idle in transaction";
    rows.push_back(other);
  }
  for (int i = 0; i < q.waiters; ++i) {
    Session w = root;
    w.pid = 20 + i;
    w.application = "web";
    w.state = "active";
    w.query = "UPDATE accounts SET balance = $1 WHERE id = $2";
    w.wait_event_type = "Lock";
    w.wait_event = q.change ? "relation" : i == 0 ? "transactionid" : "tuple";
    w.query_id = "7";
    w.query_age = w.transaction_age = w.state_age = q.age;
    w.blocked_by = {q.change && i > 0 ? 20 : q.prepared ? 0 : 10};
    if (q.beside && i == 0) w.blocked_by.push_back(11);
    if (q.change && i == 0) w.query = "ALTER TABLE accounts ADD COLUMN note text";
    rows.push_back(w);
    LockWait l{.pid = w.pid, .locktype = q.change ? "relation" : "tuple", .mode = "ExclusiveLock"};
    if (q.change) l.mode = i == 0 ? "AccessExclusiveLock" : "RowExclusiveLock";
    l.granted = !q.change && i == 0;  // the first one holds the row's lock and waits for the transaction
    l.database = "shop";
    l.relation = "public.accounts";
    l.state = "active";
    l.user = "app";
    if (!q.change) l.page = 0, l.tuple = 7;
    locks.push_back(l);
  }
  if (q.waiters > 0) {
    LockWait held{.pid = q.prepared ? 0 : 10, .granted = true, .locktype = q.change ? "relation" : "transactionid"};
    held.mode = q.change ? "AccessShareLock" : "ExclusiveLock";
    held.transaction = q.prepared ? "740" : "";
    locks.push_back(held);
  }
  const std::vector<Session> one = rows;
  for (int i = 1; i < q.queues; ++i)
    for (Session r : one) {
      r.pid += 1000 * i;
      for (std::int64_t& pid : r.blocked_by) pid += 1000 * i;
      rows.push_back(std::move(r));
    }
  for (int i = 0; i < q.others; ++i) {
    Session o = root;
    o.pid = 200 + i;
    o.state = "active";
    o.query = "SELECT count(*) FROM visits";
    o.query_age = o.transaction_age = o.state_age = 1;
    rows.push_back(o);
  }
  s.saw(2, activity, rows).saw(1, activity, rows).saw(0, activity, rows);
  return q.locks ? std::move(s.saw(0, lock_waits, locks)) : s;
}

Scenario gave_up(double idle) {
  const Scenario one = queue({.age = 0.4, .locks = false});
  Scenario s;
  for (int ago = 9; ago >= 0; --ago) {
    auto rows = static_cast<const RowsOf<Session>&>(*one.history.series(activity).back().rows).rows;
    rows[0].state_age = rows[0].transaction_age = std::min(idle, 20.0 - ago);
    for (Session& r : rows)
      if (!r.blocked_by.empty()) r.query_start = 1e9 - ago;
    s.saw(ago, activity, rows);
  }
  return s;
}

Scenario about_to_try_again() {
  Scenario s = gave_up(60);
  auto rows = static_cast<const RowsOf<Session>&>(*s.history.series(activity).back().rows).rows;
  std::erase_if(rows, [](const Session& r) { return !r.blocked_by.empty(); });
  return s.saw(0, activity, rows);
}

Scenario passed_on(std::string wait_event, std::string query, double age, int sessions) {
  Scenario s;
  for (int ago = 5; ago >= 0; --ago) {
    std::vector<Session> rows;
    for (int i = 0; i < sessions; ++i) {
      Session r{.pid = 20 + i, .database = "shop", .user = "app", .application = "worker"};
      r.backend_type = "client backend";
      r.state = "active";
      r.query_id = i == ago ? "9" : "7";
      r.query = i == ago ? "SELECT pg_sleep($1)" : query;
      const double waits = age < 1 || i == ago ? std::min(age, 0.9) : age + 5 - ago;
      r.query_start = 1e9 - ago - waits;
      r.query_age = r.transaction_age = waits;
      if (i != ago) {
        r.wait_event_type = "Lock";
        r.wait_event = wait_event;
        r.blocked_by = {20 + ago};
      }
      rows.push_back(r);
    }
    s.saw(ago, activity, rows);
  }
  return s;
}

}  // namespace pgvigil::blocking_examples
