// One PostgreSQL server that is watched, through at most two connections. The first is kept open and asks the whole
// server; the second goes from database to database. All calls run on one thread; each ends within its deadlines
// and turns every failure into a value; the target must outlive them. ask() may run beside sweep() or wave(); calls of
// the same kind take turns.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/core/report.h"
#include "agent/pg/conninfo.h"
#include "checks/history.h"

namespace pgvigil {

// A failed connection as the failure of a probe: 08001, or PGV01 for a timeout, where there is no SQLSTATE.
Failure failure_of(const ConnectError& error, std::string database = {});

struct TargetOptions {
  std::string name = {};
  Conninfo conninfo = {};
  std::vector<std::string> databases = {};  // empty: all that can be connected to
  bool allow_superuser = false;             // EXPLAIN foreign text even as one
  int slots_floor = 3;                      // free connections that are left to others
  Milliseconds connect_deadline{3000};
  Milliseconds flight_deadline{800};   // of ask()
  Milliseconds sweep_deadline{15000};  // of sweep() and of wave()
  Milliseconds lock_timeout{100};
  Milliseconds explain_timeout{1000};  // statement_timeout of one EXPLAIN
  // No call lasts beyond this: what is not there by then is a failure beside what is. None: only the deadlines above.
  std::optional<std::chrono::steady_clock::time_point> until = {};
};

class Target {
 public:
  Target(boost::asio::any_io_executor executor, TargetOptions options);
  ~Target();
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  void until(std::chrono::steady_clock::time_point end);  // a new TargetOptions::until, for the calls to come
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

  // Moves the first connection to another database, the one that carries the load: what is asked of the catalogue and
  // explained there then needs no second connection. The new one is opened before the old one ends, in the second's
  // slot, so that the place on the server is never given up; later reconnects go there too, or back to the connection
  // string's database when that one cannot be entered any more. True: the first connection is there now. False: it
  // stays where it was (no free slot, not among `databases`, refused). Takes its turn with sweep() and wave().
  boost::asio::awaitable<bool> rehome(std::string database);
  const std::string& home() const;  // the first connection's database

  // Says goodbye on both connections, for good: calls under way end soon (half a second of grace, then their statements
  // are ended in the server), and later ones fail without a connection.
  boost::asio::awaitable<void> close();

  bool connected() const;
  const TargetOptions& options() const;
  bool superuser() const;
  OwnCost cost() const;  // since the start; seconds is the time since then

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgvigil
