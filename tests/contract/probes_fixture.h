// What the tests of the probes share: a plain connection, a probe asked as the shell asks it, and a careless team's
// database.
#pragma once

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "checks/probe.h"
#include "checks/probes/tables.h"

namespace pgvigil::test {

inline constexpr const char* database = "pgvigil probes";  // a name that must be quoted

// One connection, plain libpq.
class Client {
 public:
  explicit Client(const std::string& user = "", const std::string& db = "", const std::string& application = "test") {
    const char* dsn = std::getenv("PGVIGIL_TEST_DSN");
    std::vector<const char*> keys{"dbname", "application_name"}, values{dsn, application.c_str()};
    if (!user.empty()) keys.push_back("user"), values.push_back(user.c_str());
    if (!db.empty()) keys.push_back("dbname"), values.push_back(db.c_str());
    keys.push_back(nullptr), values.push_back(nullptr);
    conn_.reset(PQconnectdbParams(keys.data(), values.data(), 1));
    if (PQstatus(conn_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(conn_.get()));
    PQsetNoticeProcessor(
        conn_.get(), [](void*, const char*) {}, nullptr);
  }
  PGconn* get() const { return conn_.get(); }
  int pid() const { return PQbackendPID(get()); }
  int version() const { return PQserverVersion(get()); }

  // Throws the server's message with its SQLSTATE.
  Sheet ask(const std::string& sql, const std::vector<std::string>& parameters = {}) const {
    std::vector<const char*> values;
    for (const auto& p : parameters) values.push_back(p.c_str());
    return sheet(
        PQexecParams(get(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr, 0));
  }
  void run(const std::string& sql) const { sheet(PQexec(get(), sql.c_str())); }
  void send(const std::string& sql) const { PQsendQuery(get(), sql.c_str()); }

 private:
  static Sheet sheet(PGresult* raw) {
    const std::unique_ptr<PGresult, void (*)(PGresult*)> r(raw, PQclear);
    const auto status = PQresultStatus(r.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
      throw std::runtime_error(PQresultErrorField(r.get(), PG_DIAG_SQLSTATE) + std::string(" ") +
                               PQresultErrorMessage(r.get()));
    Sheet s;
    for (int c = 0; c < PQnfields(r.get()); ++c) s.columns.emplace_back(PQfname(r.get(), c));
    for (int row = 0; row < PQntuples(r.get()); ++row) {
      auto& cells = s.rows.emplace_back();
      for (int c = 0; c < PQnfields(r.get()); ++c)
        cells.push_back(PQgetisnull(r.get(), row, c) ? Cell() : Cell(PQgetvalue(r.get(), row, c)));
    }
    return s;
  }
  std::unique_ptr<PGconn, void (*)(PGconn*)> conn_{nullptr, PQfinish};
};

// As the shell asks: a READ ONLY transaction with its limits and no search_path; server-wide answers as raw bytes.
inline Sheet ask_sheet(const Client& c, const AnyProbe& probe, const Request& request = {}) {
  std::string sql = request.sql.empty() ? std::string(probe.sql(c.version())) : request.sql;
  if (const auto at = sql.find("{extension_schema}"); at != std::string::npos)
    sql.replace(
        at, 18,
        *c.ask("select quote_ident(n.nspname) from pg_extension e join pg_namespace n on n.oid = e.extnamespace "
               "where extname = $1",
               {std::string(probe.about().requires_extension)})
             .rows.at(0)
             .at(0));
  PQsetClientEncoding(c.get(), probe.about().scope == Scope::server ? "SQL_ASCII" : "UTF8");
  c.run(
      "begin read only; set local search_path = ''; set local lock_timeout = '100ms'; set local statement_timeout = "
      "'5s'");
  try {
    Sheet s = c.ask(sql, request.parameters);
    c.run("commit");
    return s;
  } catch (...) {
    c.run("rollback");
    throw;
  }
}

template <class Row>
std::vector<Row> ask(const Client& c, const Probe<Row>& probe, const Request& request = {}) {
  const auto rows = probe.decode(ask_sheet(c, probe, request), c.version());
  return static_cast<const RowsOf<Row>&>(*rows).rows;
}

template <class Row, class T>
const Row& find(const std::vector<Row>& rows, T Row::*member, const T& value) {
  for (const Row& r : rows)
    if (r.*member == value) return r;
  throw std::runtime_error("no such row");
}

inline Request names(std::vector<std::string> schemas, std::vector<std::string> relations) {
  return {.parameters = {*encode_cell(schemas), *encode_cell(relations)}};
}

template <class F>
bool within(double seconds, F condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return true;
}

// Roles and a database as a careless team leaves them. Made once; each test adds what it needs.
class Probes : public testing::TestWithParam<const char*> {
 protected:
  static void SetUpTestSuite() {
    ASSERT_NE(std::getenv("PGVIGIL_TEST_DSN"), nullptr) << "PGVIGIL_TEST_DSN names no server (superuser)";
    {
      const Client c;
      for (const char* role : {"pgvigil", "pgvigil_monitor", "app"}) {
        c.run(std::string("do $$begin if not exists (select from pg_roles where rolname = '") + role +
              "') then create role " + role + " login; end if; end$$");
      }
      c.run("grant pg_monitor to pgvigil, pgvigil_monitor");
      if (c.version() >= 140000) c.run("grant pg_read_all_data to pgvigil");
      c.run(std::string("drop database if exists \"") + database + "\"");
      c.run(std::string("create database \"") + database + "\" owner app");
      c.run("alter role app connection limit 20");
      c.run(std::string("alter role app set statement_timeout = '10s'; alter role app in database \"") + database +
            "\" set statement_timeout = '1min'");
    }
    const Client c("", database);
    c.run("create schema ext; create extension pg_stat_statements schema ext; grant usage on schema ext to public");
    c.run("select ext.pg_stat_statements_reset()");
    c.run(R"(
      set role app;
      create schema "Shop";
      create table "Shop".unindexed as select g as dump_id, 'p' || g as path, repeat('x', 60) as pad from generate_series(1, 60000) g;
      create table "Shop".indexed (id int primary key, email text, note text, unique (email));
      insert into "Shop".indexed select g, 'e' || g, null from generate_series(1, 60000) g;
      create index on "Shop".indexed (lower(note)) where id > 5;
      create index indexed_both on "Shop".indexed (note, id) include (email);
      create table "Shop".fresh with (autovacuum_enabled = off) as select g as id from generate_series(1, 50000) g;
      create table "Shop"."or""d d'er
s" ("a ""b" int, c text);
      insert into "Shop"."or""d d'er
s" select g, 'c' from generate_series(1, 40000) g;
      create table "Shop".docs (id int, body text);
      alter table "Shop".docs alter body set storage external;
      insert into "Shop".docs select g, repeat('b', 20000) from generate_series(1, 200) g;
      create table "Shop".parted (id int, at int) partition by range (at);
      create table "Shop".part_1 partition of "Shop".parted for values from (0) to (10) partition by range (id);
      create table "Shop".part_1_1 partition of "Shop".part_1 for values from (0) to (1000000);
      insert into "Shop".parted select g, g % 10 from generate_series(1, 50000) g;
      create index on "Shop".parted (id);
      create table "Shop".tiny (id int);
      create table "Shop".twice as select g % 900 as id, 'x'::text as kind from generate_series(1, 1000) g;
      create materialized view "Shop".view as select * from "Shop".indexed;
    )");
    c.run("reset role");
    c.run("vacuum analyze");
    c.run("alter system set autovacuum = off");
    EXPECT_THROW(c.run(R"(create unique index concurrently broken on "Shop".twice (id))"), std::runtime_error);
    if (c.version() < 140000)
      c.run(R"(grant usage on schema "Shop" to pgvigil; grant select on all tables in schema "Shop" to pgvigil)");
    c.run(
        R"(create table "Shop".late with (autovacuum_enabled = off) as select g as id, repeat('y', 100) as pad from generate_series(1, 50000) g)");
    if (c.version() < 140000) c.run(R"(grant select on "Shop".late to pgvigil)");
    c.run(R"(select count(*) from "Shop".unindexed where dump_id = 5)");
  }
  static void TearDownTestSuite() {
    const Client c;
    c.run("alter system reset autovacuum");
    c.run(std::string("drop database \"") + database + "\" with (force)");
  }
  // As the shell gives them to other probes.
  Request given_tables() const {
    std::string oids;
    for (const Table& t : ask(us, tables)) oids += (oids.empty() ? "" : ",") + std::to_string(t.oid);
    return {.parameters = {"{" + oids + "}"}};
  }

  Client us{GetParam(), database, "pgvigil"};
  bool reads_data() const { return std::string(GetParam()) == "pgvigil"; }
};

}  // namespace pgvigil::test
