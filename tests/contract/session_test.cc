// Opening a connection, and what is said when it cannot be opened.
#include "agent/pg/session.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent/pg/flight.h"
#include "tests/contract/pg_fixture.h"

namespace pgvigil {
namespace {

using test::Admin;
using Kind = ConnectError::Kind;

constexpr const char* kSecret = "c4nary-s3cret";

class SessionTest : public testing::Test {
 protected:
  ConnectError error_of(const std::string& text, Milliseconds deadline = Milliseconds(2000)) {
    auto parsed = Conninfo::parse(text);
    if (!parsed) return parsed.error();
    auto connected =
        test::run(loop, pg::Session::connect(loop.get_executor(), *parsed, pg::Clock::now() + deadline, counters));
    if (connected) return {Kind::other, "", "it did connect", ""};
    return connected.error();
  }
  void expect_clean(const ConnectError& e) {
    EXPECT_EQ(e.message.find(kSecret), std::string::npos) << e.message;
    EXPECT_EQ(e.message.find('\n'), std::string::npos) << e.message;
    EXPECT_FALSE(e.message.empty());
    EXPECT_FALSE(e.hint.empty()) << e.message;
  }
  std::unique_ptr<pg::Session> open(const std::string& extra = "") {
    auto connected =
        test::run(loop, pg::Session::connect(loop.get_executor(),
                                             test::conninfo(test::environment("PGVIGIL_TEST_DSN") + " " + extra),
                                             pg::Clock::now() + std::chrono::seconds(3), counters));
    if (!connected) throw std::runtime_error(connected.error().message);
    return std::move(*connected);
  }
  std::string at(const Admin& a) { return "host=" + a.host() + " port=" + a.port() + " "; }

  boost::asio::io_context loop;
  std::shared_ptr<pg::Counters> counters = std::make_shared<pg::Counters>();
};

// A listener of our own on 127.0.0.1; `say` is sent to whoever comes, nothing when empty.
class Listener {
 public:
  explicit Listener(std::string say) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(socket_, reinterpret_cast<sockaddr*>(&address), size);
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    ::listen(socket_, 8);
    port = std::to_string(ntohs(address.sin_port));
    if (say.empty()) return;
    thread_ = std::thread([this, say] {
      for (int client; (client = ::accept(socket_, nullptr, nullptr)) >= 0; ::close(client)) {
        char buffer[512];
        if (::recv(client, buffer, sizeof buffer, 0) > 0) [[maybe_unused]]
          const auto n = ::send(client, say.data(), say.size(), MSG_NOSIGNAL);
        while (::recv(client, buffer, sizeof buffer, 0) > 0) {
        }
      }
    });
  }
  ~Listener() {
    ::shutdown(socket_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    ::close(socket_);
  }
  std::string port;

 private:
  int socket_;
  std::thread thread_;
};

TEST_F(SessionTest, ConnectsAndKnowsTheServer) {
  const auto s = open();
  EXPECT_EQ(std::to_string(s->version_num() / 10000), test::environment("PGVIGIL_TEST_MAJOR"));
  EXPECT_TRUE(s->superuser());
  EXPECT_GT(s->backend_pid(), 0);
  Admin admin;
  EXPECT_EQ(admin.run("select application_name from pg_stat_activity where pid = " + std::to_string(s->backend_pid())),
            "pgvigil");
}

TEST_F(SessionTest, ResolvesNamesAndTriesAllHosts) {
  Admin admin;
  const Listener silent("");
  if (admin.host() == "127.0.0.1") {
    EXPECT_TRUE(open("host=localhost")->open());
  }
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(open("host=127.0.0.1," + admin.host() + " port=" + silent.port + "," + admin.port())->open());
  EXPECT_LT(test::seconds_since(begun), 2.5);  // the silent one costs its share of the deadline, not all of it
}

TEST_F(SessionTest, EachFailureHasItsKindAndNoSecret) {
  Admin admin;
  admin.run("drop role if exists vigil_test_login", true);
  admin.run("create role vigil_test_login");  // no LOGIN: refused by every pg_hba.conf
  const std::string here = at(admin), password = std::string(" password=") + kSecret;
  struct Case {
    std::string dsn;
    Kind kind;
  };
  const Listener http("HTTP/1.1 400 Bad Request\r\n\r\n"), silent("");
  const std::string loop_back = "host=127.0.0.1 user=u dbname=d" + password + " port=";
  for (const Case& c : std::vector<Case>{
           {here + "user=vigil_test_login dbname=postgres" + password, Kind::auth},
           {here + "user=" + admin.user() + " dbname=no_such_database" + password, Kind::no_database},
           {loop_back + "1", Kind::refused},
           {"host=/nowhere user=u dbname=d" + password, Kind::refused},
           {"host=no-such-host.invalid user=u dbname=d" + password, Kind::resolve},
           {loop_back + http.port, Kind::not_postgres},
           {loop_back + http.port + " sslmode=disable", Kind::not_postgres},
           {loop_back + silent.port, Kind::timeout},
           {here + "user=u dbname=d sslmode=verify-full sslrootcert=/nowhere" + password, Kind::tls},
       }) {
    const auto e = error_of(c.dsn, Milliseconds(1000));
    EXPECT_EQ(to_string(e.kind), to_string(c.kind)) << c.dsn << "\n" << e.message;
    expect_clean(e);
  }
  admin.run("drop role vigil_test_login");
}

// The scratch server trusts everybody: for this test its pg_hba.conf asks one role for a password.
TEST_F(SessionTest, WrongPassword) {
  Admin admin;
  const std::filesystem::path hba = test::environment("PGVIGIL_TEST_PGDATA") + "/pg_hba.conf";
  std::stringstream old;
  old << std::ifstream(hba).rdbuf();
  const auto write = [&](const std::string& text) {
    std::ofstream(hba, std::ios::trunc) << text;
    admin.run("select pg_reload_conf()");
    std::this_thread::sleep_for(Milliseconds(300));
  };
  admin.run("drop role if exists vigil_test_password", true);
  admin.run("set password_encryption = 'scram-sha-256'");
  admin.run("create role vigil_test_password login password 'the right one'");
  write("local all vigil_test_password scram-sha-256\nhost all vigil_test_password 0.0.0.0/0 scram-sha-256\n" +
        old.str());
  const std::string dsn = at(admin) + "user=vigil_test_password dbname=postgres ";
  const auto wrong = error_of(dsn + "password=" + kSecret);
  const auto none = error_of(dsn + "passfile=/nowhere");
  const auto right = error_of(dsn + "password='the right one'");
  write(old.str());
  admin.run("drop role vigil_test_password");
  EXPECT_EQ(to_string(wrong.kind), "auth") << wrong.message;
  EXPECT_EQ(wrong.sqlstate, "28P01");
  expect_clean(wrong);
  EXPECT_EQ(to_string(none.kind), "auth") << none.message;
  EXPECT_EQ(right.message, "it did connect");
}

TEST_F(SessionTest, AStatementsErrorCostsOnlyItself) {
  auto s = open();
  std::vector<pg::Ask> asks(4);
  asks[0].sql = "select 1/0";
  asks[1].sql = "select 'fine'";
  asks[2].sql = "select pg_sleep(5)";
  asks[2].timeout = Milliseconds(100);
  asks[3].sql =
      "select current_setting('transaction_read_only'), current_setting('lock_timeout'), "
      "current_setting('search_path'), current_setting('statement_timeout')";
  const auto all = test::run(loop, pg::fly(*s, asks, pg::Clock::now() + std::chrono::seconds(2)));
  EXPECT_EQ(all[0].sqlstate, "22012");
  ASSERT_TRUE(all[1].ok) << all[1].message;
  EXPECT_EQ(all[1].sheet.rows[0][0], "fine");
  EXPECT_EQ(all[2].sqlstate, "57014");
  EXPECT_NEAR(all[2].seconds, 0.1, 0.09);
  ASSERT_TRUE(all[3].ok);
  EXPECT_EQ(all[3].sheet.rows[0], (std::vector<Cell>{"on", "100ms", "pg_catalog", "400ms"}));
  // Nothing outlives the transaction: behind a pooler somebody else is next.
  const auto after = test::run(
      loop, s->run({pg::query("select current_setting('statement_timeout'), current_setting('transaction_read_only')"),
                    pg::sync()},
                   pg::Clock::now() + std::chrono::seconds(1)));
  EXPECT_EQ(after[0].sheet.rows[0], (std::vector<Cell>{"0", "off"}));
}

TEST_F(SessionTest, AnEndlessAnswerIsCutOff) {
  auto s = open();
  s->most_bytes = 1 << 20;
  std::vector<pg::Ask> asks(2);
  asks[0].sql = "select repeat('x', 1000) from generate_series(1, 1000000)";
  asks[0].timeout = Milliseconds(3000);
  asks[1].sql = "select 1";
  const auto all = test::run(loop, pg::fly(*s, asks, pg::Clock::now() + std::chrono::seconds(3)));
  EXPECT_EQ(all[0].sqlstate, "PGV02");
  EXPECT_EQ(all[1].sqlstate, "PGV03");
  EXPECT_FALSE(s->open());
}

TEST_F(SessionTest, ClosingWaitsForTheServersProcess) {
  auto s = open();
  Admin admin;
  const int pid = s->backend_pid();
  test::run(loop, s->close(pg::Clock::now() + std::chrono::seconds(2)));
  EXPECT_EQ(admin.run("select count(*) from pg_stat_activity where pid = " + std::to_string(pid)), "0");
  EXPECT_EQ(counters->connections, 0);
}

}  // namespace
}  // namespace pgvigil
