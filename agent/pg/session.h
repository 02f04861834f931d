// One connection, driven without blocking: libpq in pipeline mode on an Asio event loop. Every wait has a deadline.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

#include "agent/pg/conninfo.h"
#include "agent/pg/wait.h"
#include "checks/probe.h"

struct pg_conn;

namespace pgvigil::pg {

// What can be sent. All goes by the extended protocol: one statement each, whatever the text holds.
struct Command {
  enum class Kind : std::uint8_t { query, prepare, describe, sync };
  Kind kind = Kind::sync;
  std::string text = {};                     // query, prepare: SQL
  std::string name = {};                     // prepare, describe: of the prepared statement
  std::vector<std::string> parameters = {};  // query: as text; their types are inferred by the server
  std::vector<unsigned> types = {};          // prepare: OIDs of parameter types, 0 leaves one open
};
Command query(std::string sql, std::vector<std::string> parameters = {});
Command sync();

struct Outcome {
  bool ok = false;
  Sheet sheet = {};
  std::vector<unsigned> types = {};  // describe: of the parameters
  // When not ok: PostgreSQL's, or PGV01 deadline, PGV02 answer too large, PGV03 skipped, 08006 connection lost.
  std::string sqlstate = {}, message = {};
  std::size_t position = 0;  // of the error in the text, in characters from 1; 0: not said
  bool in_function = false;  // the error comes from within one: its words may be of whoever wrote it
  std::string source = {};   // file of the server's code that raised it: "guc.c"
  double seconds = 0;        // wall time since the answer before
};

struct Counters {
  int connections = 0;  // open now
  double db_seconds = 0;
  std::int64_t statements = 0, bytes = 0;
};

class Session {
 public:
  using Connected = boost::system::result<std::unique_ptr<Session>, ConnectError>;
  // Tries the places of the host list and every address of each, in order, within the deadline.
  static boost::asio::awaitable<Connected> connect(boost::asio::any_io_executor executor, Conninfo where,
                                                   Clock::time_point deadline, std::shared_ptr<Counters> counters);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Sends all and collects one outcome per command; after an error the server skips up to the next sync, so the
  // last command must be one. When the deadline passes the connection is dropped and the rest is PGV01.
  boost::asio::awaitable<std::vector<Outcome>> run(std::vector<Command> commands, Clock::time_point deadline);

  // Says goodbye and waits, within the deadline, until the server's process is gone.
  boost::asio::awaitable<void> close(Clock::time_point deadline);
  void drop();  // at once; a statement in flight is left to its statement_timeout
  void give_up() {
    if (waiter_) waiter_->give_up();
  }  // the run under way ends as if its deadline had passed
  bool open() const { return connection_ != nullptr; }
  bool abandoned() const { return abandoned_; }  // dropped without an answer: its backend may live on

  int version_num() const { return version_num_; }
  int backend_pid() const { return backend_pid_; }
  bool superuser() const { return superuser_; }
  const std::string& database() const { return database_; }
  const std::string& server_encoding() const { return server_encoding_; }

  std::int64_t most_bytes = 32LL << 20;  // of one run's answers

 private:
  class Reading;
  Session(boost::asio::any_io_executor executor, pg_conn* connection, std::shared_ptr<Counters> counters);
  static boost::asio::awaitable<Connected> knock(boost::asio::any_io_executor executor, Conninfo where,
                                                 Conninfo::Place place, std::string attributes,
                                                 Clock::time_point deadline, std::shared_ptr<Counters> counters);
  bool send(const Command& command);

  pg_conn* connection_;
  std::unique_ptr<Waiter> waiter_;
  std::shared_ptr<Counters> counters_;
  bool abandoned_ = false, superuser_ = false;
  int version_num_ = 0, backend_pid_ = 0;
  std::string database_, server_encoding_;
};

}  // namespace pgvigil::pg
