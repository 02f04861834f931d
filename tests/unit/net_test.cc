#include <gmock/gmock.h>

#include "agent/net/http_client.h"
#include "agent/net/reach.h"
#include "agent/net/resolve.h"
#include "tests/unit/fault_server.h"

namespace pgvigil::net {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace testing_net;
using namespace std::chrono_literals;

Url parsed(const std::string& text) {
  std::string why;
  const auto url = parse_url(text, why);
  EXPECT_TRUE(url) << text << ": " << why;
  return url.value_or(Url{});
}

TEST(Url, takes_what_a_webhook_is) {
  const Url a = parsed("https://hooks.slack.com/services/T0/B0/x?y=1");
  EXPECT_TRUE(a.tls);
  EXPECT_EQ(a.host, "hooks.slack.com");
  EXPECT_EQ(a.port, 443);
  EXPECT_EQ(a.target, "/services/T0/B0/x?y=1");
  EXPECT_EQ(a.host_header(), "hooks.slack.com");
  const Url b = parsed("HTTP://[::1]:8080");
  EXPECT_FALSE(b.tls);
  EXPECT_EQ(b.host, "::1");
  EXPECT_EQ(b.target, "/");
  EXPECT_EQ(b.host_header(), "[::1]:8080");
  EXPECT_EQ(parsed("https://a?x").target, "/?x");
}

TEST(Url, refuses_the_rest_without_repeating_it) {
  for (const char* bad : {"",
                          "ftp://h/CANARY",
                          "https://",
                          "https:///CANARY",
                          "https://user:CANARY@h/",
                          "https://h:0/CANARY",
                          "https://h:65536/CANARY",
                          "https://h:/CANARY",
                          "https://h:1x/CANARY",
                          "https://[::1/CANARY",
                          "https://[zz]/CANARY",
                          "https://[::1]x/CANARY",
                          "https://h/CANARY#f",
                          "https://h/CANARY x",
                          "https://h/CANARY\r\nX: y",
                          "https://-h/CANARY",
                          "https://h..x/CANARY",
                          "https://h%41/CANARY",
                          "hooks.slack.com/CANARY",
                          "https://h/\xff"
                          "CANARY"}) {
    std::string why;
    EXPECT_FALSE(parse_url(bad, why)) << bad;
    EXPECT_NE(why, "");
    EXPECT_THAT(why, Not(HasSubstr("CANARY")));
  }
  std::string why;
  EXPECT_FALSE(parse_url("https://h/" + std::string(5000, 'x'), why));
}

TEST(Reach, knows_where_an_address_leads) {
  const auto of = [](const char* a) { return reach(asio::ip::make_address(a)); };
  for (const char* a : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) EXPECT_EQ(of(a), Reach::loopback) << a;
  for (const char* a : {"10.0.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fd12::1", "::ffff:10.0.0.1"})
    EXPECT_EQ(of(a), Reach::private_net) << a;
  for (const char* a :
       {"169.254.169.254", "0.0.0.0", "224.0.0.1", "255.255.255.255", "fe80::1", "ff02::1", "::", "fd00:ec2::254",
        "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "100.100.100.200", "2002:a9fe:a9fe::1", "::169.254.169.254"})
    EXPECT_EQ(of(a), Reach::forbidden) << a;
  for (const char* a : {"1.1.1.1", "172.32.0.1", "2606:4700::1111"}) EXPECT_EQ(of(a), Reach::public_net) << a;
}

TEST(Reach, plain_http_stays_here_and_private_needs_a_yes) {
  const auto at = [](const char* a) { return asio::ip::make_address(a); };
  EXPECT_EQ(refused(at("127.0.0.1"), false, false), "");
  EXPECT_EQ(refused(at("1.1.1.1"), true, false), "");
  EXPECT_NE(refused(at("1.1.1.1"), false, true), "");
  EXPECT_NE(refused(at("10.0.0.1"), false, true), "");
  EXPECT_THAT(refused(at("10.0.0.1"), true, false), HasSubstr("allow_private"));
  EXPECT_EQ(refused(at("10.0.0.1"), true, true), "");
  EXPECT_NE(refused(at("169.254.169.254"), true, true), "");
}

class Post : public testing::Test {
 protected:
  Response post(const std::string& url, std::chrono::milliseconds deadline = 2s, ClientOptions options = {}) {
    const HttpClient client(std::move(options));
    Response response;
    bool done = false;
    const auto began = Clock::now();
    asio::co_spawn(io, client.post(parsed(url), {{"Content-Type", "application/json"}}, "{\"a\":1}", deadline),
                   [&](std::exception_ptr e, Response r) {
                     EXPECT_FALSE(e);
                     response = std::move(r);
                     done = true;
                   });
    io.restart();
    while (!done && io.run_one() > 0) continue;
    took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
    EXPECT_TRUE(done);
    EXPECT_THAT(response.error, Not(HasSubstr("CANARY")));
    return response;
  }

  asio::io_context io;
  std::chrono::milliseconds took{};
};

TEST_F(Post, sends_what_it_was_given) {
  FaultServer server(io, {answer("200 OK")});
  const Response r = post(server.url());
  EXPECT_TRUE(r.ok()) << r.error;
  EXPECT_EQ(r.body, "ok");
  ASSERT_EQ(server.hits.size(), 1u);
  EXPECT_THAT(server.hits[0].request, testing::StartsWith("POST /services/CANARY-SECRET?token=CANARY HTTP/1.1\r\n"));
  EXPECT_THAT(server.hits[0].request, HasSubstr("Host: 127.0.0.1:" + std::to_string(server.port())));
  EXPECT_EQ(server.hits[0].body, "{\"a\":1}");
}

TEST_F(Post, gives_the_status_and_retry_after) {
  FaultServer server(io, {answer("429 Too Many", "Retry-After: 30\r\n")});
  const Response r = post(server.url());
  EXPECT_EQ(r.status, 429);
  EXPECT_EQ(r.retry_after, "30");
  EXPECT_EQ(r.error, "");
}

TEST_F(Post, follows_no_redirect) {
  FaultServer elsewhere(io, {answer("200 OK")});
  FaultServer server(io, {answer("302 Found", "Location: " + elsewhere.url() + "\r\n")});
  EXPECT_EQ(post(server.url()).status, 302);
  EXPECT_EQ(elsewhere.hits.size(), 0u);
}

TEST_F(Post, refused_closed_garbage_and_silence_are_errors_in_words) {
  std::string url;
  { url = FaultServer(io, {"hang"}).url(); }
  EXPECT_THAT(post(url).error, HasSubstr("cannot connect"));
  FaultServer closes(io, {"close"}), garbage(io, {"garbage"}), hangs(io, {"hang"});
  EXPECT_EQ(post(closes.url()).error, "the connection was closed before an answer");
  EXPECT_EQ(post(garbage.url()).error, "the answer is not HTTP");
  EXPECT_EQ(post(hangs.url(), 200ms).error, "no answer in time");
  EXPECT_LT(took, 1500ms);
}

TEST_F(Post, a_drip_does_not_stretch_the_deadline) {
  FaultServer server(io, {"drip"});
  EXPECT_EQ(post(server.url(), 300ms).error, "no answer in time");
  EXPECT_LT(took, 1500ms);
}

TEST_F(Post, an_endless_body_is_not_read) {
  FaultServer server(io, {"endless"});
  const Response r = post(server.url());
  EXPECT_EQ(r.status, 200);
  EXPECT_LE(r.body.size(), 4096u);
  FaultServer large(io, {answer("200 OK", "X: " + std::string(100'000, 'x') + "\r\n")});
  EXPECT_THAT(post(large.url()).error, HasSubstr("too large"));
}

TEST_F(Post, a_name_is_looked_up) {
  FaultServer server(io, {answer("200 OK")});
  EXPECT_TRUE(post(server.url("localhost")).ok());
  EXPECT_THAT(post("https://no-such-name.invalid/CANARY").error, HasSubstr("cannot resolve"));
}

TEST_F(Post, goes_nowhere_it_must_not) {
  EXPECT_THAT(post("https://169.254.169.254/CANARY").error, HasSubstr("link-local"));
  EXPECT_THAT(post("http://192.0.2.1/CANARY").error, HasSubstr("plain http"));
  EXPECT_THAT(post("https://10.1.2.3/CANARY").error, HasSubstr("allow_private"));
}

TEST_F(Post, tls_is_verified) {
  const Certificate good = make_certificate("localhost"), other = make_certificate("other.example");
  const Certificate old = make_certificate("localhost", -7200, -3600);
  FaultServer server(io, {answer("200 OK")}, &good), wrong(io, {answer("200 OK")}, &other),
      expired(io, {answer("200 OK")}, &old);
  const std::string good_ca = write_temp("good.pem", good.cert_pem), other_ca = write_temp("other.pem", other.cert_pem),
                    old_ca = write_temp("old.pem", old.cert_pem);
  EXPECT_THAT(post(server.url("localhost")).error, HasSubstr("certificate refused"));
  EXPECT_THAT(post(server.url("localhost"), 2s, {.ca_file = other_ca}).error, HasSubstr("certificate refused"));
  EXPECT_THAT(post(wrong.url("localhost"), 2s, {.ca_file = other_ca}).error, HasSubstr("certificate refused"));
  EXPECT_THAT(post(expired.url("localhost"), 2s, {.ca_file = old_ca}).error, HasSubstr("expired"));
  EXPECT_THAT(post(server.url(), 2s, {.ca_file = "/nonexistent/ca.pem"}).error, HasSubstr("ca_file"));
  EXPECT_EQ(server.hits.size() + wrong.hits.size() + expired.hits.size(), 0u);
  EXPECT_TRUE(post(server.url("localhost"), 2s, {.ca_file = good_ca}).ok());
  EXPECT_TRUE(post(server.url("127.0.0.1"), 2s, {.ca_file = good_ca}).ok());
  EXPECT_EQ(server.hits.size(), 2u);
}

TEST_F(Post, tls_to_something_that_speaks_none_fails) {
  FaultServer plain(io, {"hang"});
  std::string url = plain.url();
  url.replace(0, 4, "https");
  const Response r = post(url, 300ms);
  EXPECT_FALSE(r.ok());
  EXPECT_NE(r.error, "");
  EXPECT_LT(took, 1500ms);
}

TEST(Resolve, a_loop_that_ends_early_is_no_harm) {
  for (int i = 0; i < 20; ++i) {
    asio::io_context io;
    asio::co_spawn(io, resolve("no-such-name.invalid", Clock::now() + 5s), asio::detached);
    io.run_for(std::chrono::milliseconds(i % 3));
  }
}

}  // namespace
}  // namespace pgvigil::net
