// The printed role script on a real server: it runs, runs again, is enough to EXPLAIN, and spares other people's roles.
#include "agent/core/grants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <cstdlib>
#include <memory>

#include "agent/settings/conninfo.h"

namespace pgvigil {
namespace {

using ::testing::HasSubstr;

class Server {
 public:
  explicit Server(const std::string& conninfo) : connection_(PQconnectdb(conninfo.c_str()), &PQfinish) {}
  // The first cell, "" when there is none, or the error.
  std::string ask(const std::string& sql) {
    const std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQexec(connection_.get(), sql.c_str()), &PQclear);
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
      const std::string error = PQerrorMessage(connection_.get());
      if (PQtransactionStatus(connection_.get()) == PQTRANS_INERROR) PQclear(PQexec(connection_.get(), "ROLLBACK"));
      return error;
    }
    return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
  }
  int major() const { return PQserverVersion(connection_.get()) / 10000; }
  bool connected() const { return PQstatus(connection_.get()) == CONNECTION_OK; }

 private:
  std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
};

class GrantsOnAServer : public ::testing::Test {
 protected:
  GrantsOnAServer()
      : dsn(std::getenv("PGVIGIL_TEST_DSN") == nullptr ? "" : std::getenv("PGVIGIL_TEST_DSN")), admin(dsn) {}
  void SetUp() override {
    if (dsn.empty()) FAIL() << "PGVIGIL_TEST_DSN is not set: run it through tests/with_server";
    ASSERT_TRUE(admin.connected());
    admin.ask("CREATE SCHEMA \"gra\"\"nts\"");
    admin.ask("CREATE TABLE \"gra\"\"nts\".seen(a int)");
  }
  void TearDown() override {
    if (dsn.empty()) return;
    for (const std::string& r : roles) admin.ask("DROP OWNED BY " + quote_identifier(r));
    admin.ask("DROP SCHEMA \"gra\"\"nts\" CASCADE");
    for (const std::string& r : roles) admin.ask("DROP ROLE " + quote_identifier(r));
  }
  std::string dsn;
  Server admin;
  std::vector<std::string> roles;
};

TEST_F(GrantsOnAServer, RunTwiceIsEnoughToExplainAndTooLittleToWrite) {
  for (const bool versioned : {false, true})
    for (const std::string& role : {std::string("grants_plain"), std::string("grants \"odd\\ $pgvigil$ it's")}) {
      const GrantsRequest request{
          .role = role, .agents = 1, .pg_major = versioned ? std::optional(admin.major()) : std::nullopt};
      roles.push_back(role);
      for (int i = 0; i < 2; ++i) ASSERT_EQ(admin.ask(grants_script(request)), "") << role;
      admin.ask("CREATE TABLE \"gra\"\"nts\".later(a int)");
      Server agent(conninfo_with(dsn, {{"user", role}}));
      ASSERT_TRUE(agent.connected()) << role;
      EXPECT_THAT(agent.ask("EXPLAIN SELECT * FROM \"gra\"\"nts\".seen"), HasSubstr("Seq Scan"));
      EXPECT_THAT(agent.ask("EXPLAIN SELECT * FROM \"gra\"\"nts\".later"), HasSubstr("Seq Scan"));
      EXPECT_THAT(agent.ask("CREATE TEMP TABLE x(a int)"), HasSubstr("read-only transaction"));
      EXPECT_EQ(agent.ask("SHOW statement_timeout"), "10s");
      EXPECT_EQ(agent.ask("SHOW search_path"), "pg_catalog");
      EXPECT_EQ(agent.ask("SHOW temp_file_limit"), admin.ask("SHOW temp_file_limit"));  // it must see the server's
      EXPECT_EQ(agent.ask("SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user"), "4");
      EXPECT_EQ(agent.ask("SELECT pg_has_role('pg_monitor', 'USAGE')"), "t");
      if (admin.major() >= 16) {
        EXPECT_EQ(agent.ask("SELECT pg_has_role('pg_use_reserved_connections', 'USAGE')"), "t");
      }
      admin.ask("DROP TABLE \"gra\"\"nts\".later");
    }
}

TEST_F(GrantsOnAServer, RolesOfApplicationsAreRefusedAndLeftAlone) {
  roles = {"grants_owner", "grants_writer"};
  for (const std::string& r : roles) admin.ask("CREATE ROLE " + r + " LOGIN");
  admin.ask("ALTER TABLE \"gra\"\"nts\".seen OWNER TO grants_owner");
  admin.ask("GRANT INSERT ON \"gra\"\"nts\".seen TO grants_writer");
  EXPECT_THAT(admin.ask(grants_script({.role = "grants_owner"})), HasSubstr("owns objects"));
  EXPECT_THAT(admin.ask(grants_script({.role = "grants_writer"})), HasSubstr("may write to tables"));
  const std::string superuser = admin.ask("SELECT current_user");
  EXPECT_THAT(admin.ask(grants_script({.role = superuser})), HasSubstr("is a superuser"));
  EXPECT_EQ(admin.ask("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'grants\\_%' AND (rolconnlimit <> -1 OR "
                      "rolconfig IS NOT NULL)"),
            "0");
  EXPECT_EQ(admin.ask("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"), "t");
}

}  // namespace
}  // namespace pgvigil
