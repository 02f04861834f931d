// Connection strings: what they mean, and that nothing said about them holds a secret.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "agent/pg/conninfo.h"

namespace pgvigil {
namespace {

// Sets a variable for the time of a test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~Variable() { ::unsetenv(name_); }

 private:
  const char* name_;
};

TEST(Conninfo, UriAndKeyValueMeanTheSame) {
  for (const char* text : {"postgresql://anna:s3cret%40@db.example:6000/shop",
                           "host=db.example port=6000 user=anna dbname=shop password='s3cret@'"}) {
    const auto c = Conninfo::parse(text);
    ASSERT_TRUE(c) << c.error().message;
    EXPECT_EQ(c->display(), "anna@db.example:6000/shop");
    EXPECT_EQ(c->with_database("other").display(), "anna@db.example:6000/other");
    EXPECT_EQ(c->without_secrets("no: s3cret@!"), "no: ***!");
  }
}

TEST(Conninfo, TheDefaultsAreLibpqs) {
  const Variable host("PGHOST", "from.env"), user("PGUSER", "ben");
  const auto c = Conninfo::parse("");
  ASSERT_TRUE(c);
  EXPECT_EQ(c->display(), "ben@from.env:5432/ben");
}

TEST(Conninfo, ReadsServiceFiles) {
  const std::string path = testing::TempDir() + "pg_service.conf";
  std::ofstream(path) << "[shop]\nhost=10.1.1.1\nport=7000\nuser=carl\ndbname=goods\n";
  const Variable file("PGSERVICEFILE", path);
  const auto c = Conninfo::parse("service=shop");
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->display(), "carl@10.1.1.1:7000/goods");
  EXPECT_FALSE(Conninfo::parse("service=nothing"));
  std::filesystem::remove(path);
}

TEST(Conninfo, PlacesOfAHostList) {
  const auto c = Conninfo::parse("host=a,/run/pg,10.0.0.1 port=1,2,3 user=u dbname=d");
  ASSERT_TRUE(c);
  const auto all = c->places();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].host, "a");
  EXPECT_FALSE(all[0].local);
  EXPECT_TRUE(all[1].local);
  EXPECT_EQ(all[2].port, "3");
}

TEST(Conninfo, ErrorsHoldNoSecret) {
  for (const std::string text :
       {"postgresql://u:s3cr%zzet@h/d", "host=h password=a s3cret", "host=h password=a\" s3cret\"b", "s3cret",
        "postgresql://u:p@s3cret@h/d", "postgresql://u:pa/s3cret@h/d", "postgresql://u:pa?s3cret@h/d",
        "postgresql://u:s3cret@h:port/d", "host=h port=s3cret", "password='s3cret",
        "host=a,b port=1,2,3 password=s3cret", "postgresql://u:p#s3cret@h/d", "s3cret=1 host=h",
        "postgresql://u@h/d?s3cret=x", "service=s3cret"}) {
    const auto c = Conninfo::parse(text);
    ASSERT_FALSE(c) << text << " " << c->display();
    EXPECT_EQ(c.error().kind, ConnectError::Kind::bad_conninfo);
    for (const char* part : {"s3cret", "s3cr"})
      EXPECT_EQ(c.error().message.find(part), std::string::npos) << c.error().message;
    EXPECT_FALSE(c.error().hint.empty());
  }
}

TEST(ConnectErrors, AreClassifiedByStateOrText) {
  const Conninfo where = *Conninfo::parse("host=h user=u dbname=d password=s3cret");
  struct Case {
    const char* said;
    ConnectError::Kind kind;
    const char* state;
  };
  using Kind = ConnectError::Kind;
  const std::string failed = "connection to server at \"10.0.0.1\", port 5432 failed: ";
  for (const Case& c : std::vector<Case>{
           {"FATAL:  28P01: password authentication failed for user \"u\"\nLOCATION:  auth_failed, auth.c:338\n",
            Kind::auth, "28P01"},
           {"FATAL:  53300: sorry, too many clients already\n", Kind::too_many_connections, "53300"},
           {"FATAL:  57P03: the database system is starting up\n", Kind::starting_up, "57P03"},
           {"FATAL:  57P03: the database system is shutting down\n", Kind::shutting_down, "57P03"},
           {"FATAL:  57P03: the database system is not yet accepting connections\n", Kind::recovery, "57P03"},
           {"FATAL:  3D000: database \"d\" does not exist\n", Kind::no_database, "3D000"},
           {"FATAL:  08P01: no such database: d\n", Kind::no_database, "08P01"},
           {"FATAL:  28000: no pg_hba.conf entry for host \"s3cret\"\n", Kind::auth, "28000"},
           {"Connection refused\n\tIs the server running on that host?\n", Kind::refused, ""},
           {"received invalid response to SSL negotiation: H\n", Kind::not_postgres, ""},
           {"server does not support SSL, but SSL was required\n", Kind::tls, ""},
           {"session is read-only\n", Kind::recovery, ""},
       }) {
    const auto e = pg::classify(where, failed + c.said);
    EXPECT_EQ(to_string(e.kind), to_string(c.kind)) << c.said;
    EXPECT_EQ(e.sqlstate, c.state);
    EXPECT_EQ(e.message.find("s3cret"), std::string::npos) << e.message;
    EXPECT_EQ(e.message.find('\n'), std::string::npos);
    EXPECT_FALSE(e.hint.empty());
  }
}

}  // namespace
}  // namespace pgvigil
