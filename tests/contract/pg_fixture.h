// What the tests of agent/pg share: the scratch server, a plain blocking connection to prepare it, a loop to run on.
#pragma once

#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <signal.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "agent/pg/target.h"

namespace pgvigil::test {

inline std::string environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == 0)
    throw std::runtime_error(std::string(name) + " is not set: run through tests/with_server");
  return value;
}

// A superuser's connection, used as a person would use psql.
class Admin {
 public:
  explicit Admin(const std::string& extra = "", const std::string& dsn = environment("PGVIGIL_TEST_DSN"))
      : connection_(PQconnectdb((dsn + " " + extra).c_str())) {
    PQsetNoticeProcessor(
        connection_, [](void*, const char*) {}, nullptr);
    if (PQstatus(connection_) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_));
  }
  ~Admin() { PQfinish(connection_); }
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  // The first cell of the last statement, "" for none; throws on an error unless `may_fail`.
  std::string run(const std::string& sql, bool may_fail = false) {
    PGresult* r = PQexec(connection_, sql.c_str());
    const auto status = PQresultStatus(r);
    const std::string error = PQresultErrorMessage(r);
    std::string cell = PQntuples(r) > 0 && PQnfields(r) > 0 ? PQgetvalue(r, 0, 0) : "";
    PQclear(r);
    if (!may_fail && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw std::runtime_error(error + sql);
    return cell;
  }
  // "channel payload" of what has come since the last call, for one that listens.
  std::vector<std::string> notifications() {
    std::vector<std::string> all;
    PQconsumeInput(connection_);
    while (PGnotify* n = PQnotifies(connection_)) {
      all.push_back(std::string(n->relname) + " " + n->extra);
      PQfreemem(n);
    }
    return all;
  }
  std::string host() const { return PQhost(connection_); }
  std::string port() const { return PQport(connection_); }
  std::string user() const { return PQuser(connection_); }

 private:
  PGconn* connection_;
};

template <class T>
T run(boost::asio::io_context& loop, boost::asio::awaitable<T> what) {
  std::optional<T> result;
  std::exception_ptr error;
  boost::asio::co_spawn(loop, std::move(what), [&](std::exception_ptr e, T value) {
    error = e;
    if (!e) result.emplace(std::move(value));
  });
  loop.restart();
  loop.run();
  if (error) std::rethrow_exception(error);
  return std::move(*result);
}
inline void run(boost::asio::io_context& loop, boost::asio::awaitable<void> what) {
  std::exception_ptr error;
  boost::asio::co_spawn(loop, std::move(what), [&](std::exception_ptr e) { error = e; });
  loop.restart();
  loop.run();
  if (error) std::rethrow_exception(error);
}

inline Conninfo conninfo(const std::string& text) {
  auto parsed = Conninfo::parse(text);
  if (!parsed) throw std::runtime_error(parsed.error().message);
  return *parsed;
}

inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A server process that stands still while this lives.
class Stopped {
 public:
  explicit Stopped(int pid) : pid_(pid) { ::kill(pid_, SIGSTOP); }
  ~Stopped() { ::kill(pid_, SIGCONT); }

 private:
  int pid_;
};

struct Word {
  std::string value;
};
// A probe made on the spot, whose one text column is "value".
inline ProbeAbout about(std::string_view id, std::string_view sql, Scope scope = Scope::server) {
  ProbeAbout a;
  a.id = id;
  a.title = id;
  a.scope = scope;
  a.sql = {{130000, sql}};
  return a;
}
using WordProbe = Probe<Word>;
inline std::vector<Column<Word>> word_columns() { return {{"value", &Word::value}}; }

inline const Answer& answer(const Observation& o, std::string_view id) {
  const auto it = o.answers.find(id);
  if (it == o.answers.end()) throw std::runtime_error("no answer of " + std::string(id));
  return it->second;
}
inline std::string word(const Observation& o, std::string_view id, std::size_t row = 0) {
  const Answer& a = answer(o, id);
  if (a.rows == nullptr || a.rows->size() <= row)
    throw std::runtime_error("no row of " + std::string(id) + ": " + (a.failures.empty() ? "" : a.failures[0].message));
  return a.rows->cell(row, 0).value_or("");
}
inline std::string sqlstate(const Observation& o, std::string_view id) {
  const Answer& a = answer(o, id);
  return a.failures.empty() ? "" : a.failures[0].sqlstate;
}

}  // namespace pgvigil::test
