// One PostgreSQL server that is watched, through at most two connections. The first is kept open and asks the whole
// server; the second goes from database to database. All calls run on one thread; each ends within its deadlines
// and turns every failure into a value; the target must outlive them. ask() may run beside sweep() or wave(); calls of
// the same kind take turns.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/core/report.h"
#include "agent/pg/conninfo.h"
#include "checks/history.h"

namespace pgvigil {

struct TargetOptions {
  std::string name = {};
  Conninfo conninfo = {};
  std::vector<std::string> databases = {};  // empty: all that can be connected to
  std::vector<std::string> exclude_databases = {};
  bool allow_superuser = false;  // EXPLAIN foreign text even as one
  int slots_floor = 3;           // free connections that are left to others
  Milliseconds connect_deadline{3000};
  Milliseconds flight_deadline{800};   // of ask()
  Milliseconds sweep_deadline{15000};  // of sweep() and of wave()
  Milliseconds lock_timeout{100};
  Milliseconds explain_timeout{1000};  // statement_timeout of one EXPLAIN
};

class Target {
 public:
  Target(boost::asio::any_io_executor executor, TargetOptions options);
  ~Target();
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  // Opens the first connection; nothing when it is open.
  boost::asio::awaitable<std::optional<ConnectError>> connect();
  // Before the next connect(): zero after a success, then doubling to 30 s with jitter; 30 s for a refused log-in.
  Milliseconds next_attempt_delay() const;

  // One flight on the first connection, samples first. Reconnects when needed, but not before next_attempt_delay()
  // has passed since a failed attempt.
  boost::asio::awaitable<Observation> ask(std::vector<const AnyProbe*> server_probes);
  // Database by database, the busiest first; rows of all databases in one answer per probe, a failure for each
  // database not seen. Server-scope probes in the list are asked once, in the first database visited that has
  // their extension.
  boost::asio::awaitable<Observation> sweep(std::vector<const AnyProbe*> database_probes);
  // Second-wave requests, each in a transaction of its own. Scope::explain gives rows of `plans`.
  boost::asio::awaitable<Observation> wave(std::vector<std::pair<const AnyProbe*, std::vector<Request>>> requests);

  // Says goodbye on both connections.
  boost::asio::awaitable<void> close();

  bool connected() const;
  const TargetOptions& options() const;
  const std::optional<ConnectError>& last_error() const;  // of the first connection; none while it is open
  int version_num() const;                                // 0 before the first connection
  bool superuser() const;
  OwnCost cost() const;  // since the start; seconds is the time since then

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgvigil
