#include "agent/pg/session.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>

namespace pgvigil::pg {

namespace asio = boost::asio;
using ResultPtr = std::unique_ptr<PGresult, decltype(&PQclear)>;

Command query(std::string sql, std::vector<std::string> parameters) {
  Command c;
  c.kind = Command::Kind::query;
  c.text = std::move(sql);
  c.parameters = std::move(parameters);
  return c;
}
Command sync() { return {}; }

Session::Session(asio::any_io_executor executor, pg_conn* connection, std::shared_ptr<Counters> counters)
    : connection_(connection),
      waiter_(std::make_unique<Waiter>(std::move(executor), PQsocket(connection))),
      counters_(std::move(counters)) {
  const auto status = [&](const char* name) {
    const char* value = PQparameterStatus(connection_, name);
    return std::string(value == nullptr ? "" : value);
  };
  version_num_ = PQserverVersion(connection_);
  backend_pid_ = PQbackendPID(connection_);
  superuser_ = status("is_superuser") == "on";
  server_encoding_ = status("server_encoding");
  database_ = PQdb(connection_);
  PQsetErrorVerbosity(connection_, PQERRORS_DEFAULT);
  PQsetNoticeProcessor(
      connection_, [](void*, const char*) {}, nullptr);
  PQsetnonblocking(connection_, 1);
  PQenterPipelineMode(connection_);
  ++counters_->connections;
}

Session::~Session() { drop(); }

void Session::drop() {
  if (connection_ == nullptr) return;
  waiter_.reset();
  PQfinish(connection_);  // non-blocking, so its goodbye cannot block either
  connection_ = nullptr;
  --counters_->connections;
}

asio::awaitable<void> Session::close(Clock::time_point deadline) {
  if (connection_ == nullptr) co_return;
  PQfinish(connection_);  // the waiter's duplicate keeps the socket open for reading the end of it
  connection_ = nullptr;
  --counters_->connections;
  while (co_await waiter_->ready(true, false, deadline)) {
    char buffer[1024];
    if (::recv(waiter_->descriptor(), buffer, sizeof buffer, MSG_DONTWAIT) <= 0) break;
  }
  waiter_.reset();
}

bool Session::send(const Command& c) {
  switch (c.kind) {
    case Command::Kind::query: {
      std::vector<const char*> values;
      for (const std::string& p : c.parameters) values.push_back(p.c_str());
      ++counters_->statements;
      return PQsendQueryParams(connection_, c.text.c_str(), static_cast<int>(values.size()), nullptr, values.data(),
                               nullptr, nullptr, 0) == 1;
    }
    case Command::Kind::prepare:
      ++counters_->statements;
      return PQsendPrepare(connection_, c.name.c_str(), c.text.c_str(), static_cast<int>(c.types.size()),
                           c.types.data()) == 1;
    case Command::Kind::describe:
      return PQsendDescribePrepared(connection_, c.name.c_str()) == 1;
    case Command::Kind::sync:
      return PQpipelineSync(connection_) == 1;
  }
  return false;
}

namespace {

Sheet to_sheet(const PGresult* r) {
  Sheet sheet;
  const int columns = PQnfields(r), rows = PQntuples(r);
  for (int c = 0; c < columns; ++c) sheet.columns.emplace_back(PQfname(r, c));
  sheet.rows.reserve(static_cast<std::size_t>(rows));
  for (int i = 0; i < rows; ++i) {
    auto& cells = sheet.rows.emplace_back();
    cells.reserve(static_cast<std::size_t>(columns));
    for (int c = 0; c < columns; ++c) {
      if (PQgetisnull(r, i, c) == 1)
        cells.emplace_back();
      else
        cells.emplace_back(std::string(PQgetvalue(r, i, c), static_cast<std::size_t>(PQgetlength(r, i, c))));
    }
  }
  return sheet;
}

}  // namespace

// Matches libpq's results to the commands of one run.
class Session::Reading {
 public:
  Reading(pg_conn* connection, const std::vector<Command>& commands, Counters& counters)
      : connection_(connection),
        commands_(commands),
        counters_(counters),
        outcomes_(commands.size()),
        last_(Clock::now()) {}

  bool done() const { return at_ == commands_.size(); }

  // Takes what has arrived. False when the connection is of no more use.
  bool take() {
    for (int nothing = 0; !done() && PQisBusy(connection_) == 0;) {
      const ResultPtr r(PQgetResult(connection_), &PQclear);
      if (r) {
        nothing = 0;
        if (!accept(r.get())) return false;
      } else if (answered_) {  // the end of this command's results
        next();
      } else if (++nothing > 2) {
        return PQstatus(connection_) == CONNECTION_OK && PQisBusy(connection_) == 1;
      }
    }
    return done() || PQstatus(connection_) == CONNECTION_OK;
  }

  std::vector<Outcome> finish(std::string_view sqlstate, const std::string& message) {
    bool first = true;  // the one that was being worked on; the server never came to the others
    for (; at_ < commands_.size(); ++at_) {
      Outcome& o = outcomes_[at_];
      if (!lost_.empty())
        o.sqlstate = lost_state_, o.message = lost_;
      else if (sqlstate == "PGV02" && !first)
        o.sqlstate = "PGV03", o.message = "not asked: the connection was given up";
      else
        o.sqlstate = sqlstate, o.message = message;
      o.ok = false;
      o.seconds = first ? std::chrono::duration<double>(Clock::now() - last_).count() : 0;
      if (first) counters_.db_seconds += o.seconds;
      first = false;
    }
    return std::move(outcomes_);
  }

 private:
  bool accept(const PGresult* r) {
    Outcome& o = outcomes_[at_];
    const bool waits_for_sync = commands_[at_].kind == Command::Kind::sync;
    answered_ = true;
    switch (PQresultStatus(r)) {
      case PGRES_PIPELINE_SYNC:
        if (!waits_for_sync) return false;
        o.ok = true;
        next();
        return true;
      case PGRES_COMMAND_OK:
      case PGRES_EMPTY_QUERY:
      case PGRES_TUPLES_OK:
        o.ok = true;
        if (commands_[at_].kind == Command::Kind::describe)
          for (int i = 0; i < PQnparams(r); ++i) o.types.push_back(PQparamtype(r, i));
        if (commands_[at_].kind == Command::Kind::query) o.sheet = to_sheet(r);
        return !waits_for_sync;
      case PGRES_PIPELINE_ABORTED:
        o.sqlstate = "PGV03";
        o.message = "skipped after an error";
        return !waits_for_sync;
      case PGRES_FATAL_ERROR: {
        const char* state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
        const char* text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
        const char* severity = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);
        const char* context = PQresultErrorField(r, PG_DIAG_CONTEXT);
        o.in_function = context != nullptr && *context != '\0';
        if (const char* file = PQresultErrorField(r, PG_DIAG_SOURCE_FILE); file != nullptr) o.source = file;
        o.sqlstate = state == nullptr ? "08006" : state;
        o.message = one_line(text == nullptr ? PQresultErrorMessage(r) : text);
        if (const char* place = PQresultErrorField(r, PG_DIAG_STATEMENT_POSITION); place != nullptr)
          o.position = static_cast<std::size_t>(std::strtoul(place, nullptr, 10));
        if (state == nullptr || (severity != nullptr && std::string_view(severity) != "ERROR"))
          lost_state_ = o.sqlstate, lost_ = o.message;
        return lost_.empty() && !waits_for_sync;
      }
      default:
        return false;  // COPY, which nobody asked for
    }
  }
  void next() {
    const auto now = Clock::now();
    outcomes_[at_].seconds = std::chrono::duration<double>(now - last_).count();
    counters_.db_seconds += outcomes_[at_].seconds;
    last_ = now;
    answered_ = false;
    ++at_;
  }

  pg_conn* connection_;
  const std::vector<Command>& commands_;
  Counters& counters_;
  std::vector<Outcome> outcomes_;
  std::size_t at_ = 0;
  bool answered_ = false;
  Clock::time_point last_;
  std::string lost_state_, lost_;  // what the server said before it closed
};

asio::awaitable<std::vector<Outcome>> Session::run(std::vector<Command> commands, Clock::time_point deadline) {
  const auto begun = Clock::now();
  std::string lost_state = "08006", lost = "the connection is closed";
  if (connection_ == nullptr) {
    Reading nothing(nullptr, commands, *counters_);
    co_return nothing.finish(lost_state, lost);
  }
  Reading reading(connection_, commands, *counters_);
  bool good = true;
  for (const Command& c : commands) good = good && send(c);
  std::int64_t received = 0;
  auto hard = Clock::time_point::max();
  while (good && !reading.done()) {
    const int unsent = PQflush(connection_);  // 1: the socket takes no more for now
    good = unsent >= 0;
    // After the deadline only what has already come is taken: a flood of notices would never let it pass.
    const auto now = Clock::now();
    if (now >= deadline) hard = std::min(hard, now + Milliseconds(200));
    if (now >= hard || !co_await waiter_->ready(true, unsent == 1, deadline)) {
      abandoned_ = true;
      lost_state = "PGV01";
      lost =
          fmt::format("no answer within {} ms", std::chrono::duration_cast<Milliseconds>(Clock::now() - begun).count());
      break;
    }
    int waiting = 0;
    if (::ioctl(waiter_->descriptor(), FIONREAD, &waiting) == 0) received += waiting;
    const bool readable = PQconsumeInput(connection_) == 1;
    good = reading.take() && readable;
    if (!good) lost = "the server closed the connection";
    if (received > most_bytes && !reading.done()) {
      abandoned_ = true;
      lost_state = "PGV02";
      lost = fmt::format("the answer is larger than {} MB", most_bytes >> 20);
      break;
    }
  }
  counters_->bytes += received;
  if (!reading.done()) drop();
  co_return reading.finish(lost_state, lost);
}

}  // namespace pgvigil::pg
