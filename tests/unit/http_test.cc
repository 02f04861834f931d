#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <ctime>
#include <filesystem>
#include <future>
#include <thread>

#include "agent/http/access.h"
#include "agent/http/assets.h"
#include "agent/http/routes.h"
#include "agent/http/server.h"
#include "checks/probes/activity.h"

namespace pgvigil {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Text text(std::string s) { return std::make_shared<const std::string>(std::move(s)); }

double seconds_since(Steady from) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
}

// Whether it comes true before long; busy machines take their time.
template <class F>
bool soon(F f) {
  for (int i = 0; i < 1500; ++i) {
    if (f()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

// A server on its own loop and thread, as in the agent.
class Server {
 public:
  explicit Server(HttpOptions options = {}) {
    options.port = 0;
    server_ = std::make_unique<HttpServer>(loop_.get_executor(), options, board);
    const auto error = server_->start();
    EXPECT_FALSE(error) << error->message;
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Server() {
    boost::asio::post(loop_, [this] {
      server_->stop();
      work_.reset();
    });
    thread_.join();
  }
  std::uint16_t port() const { return server_->port(); }
  std::size_t connections() {
    std::promise<std::size_t> n;
    boost::asio::post(loop_, [&] { n.set_value(server_->connections()); });
    return n.get_future().get();
  }
  Board board;

 private:
  boost::asio::io_context loop_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{loop_.get_executor()};
  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
};

// A plain blocking client: it can be as rude as a test wants.
class Client {
 public:
  explicit Client(std::uint16_t port, int receive_buffer = 0) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool send(std::string_view s) {
    return ::send(fd_, s.data(), s.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(s.size());
  }
  // What comes until the text ends with `until` ("": until the end of the stream), or nothing comes for `patience`.
  std::string read(std::string_view until = "", std::chrono::milliseconds patience = 8s) {
    std::string got;
    char buffer[65536];
    for (;;) {
      pollfd p{fd_, POLLIN, 0};
      if (::poll(&p, 1, static_cast<int>(patience.count())) <= 0) return got;
      const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) return got;
      got.append(buffer, static_cast<std::size_t>(n));
      if (!until.empty() && got.find(until) != std::string::npos) return got;
    }
  }
  bool closed_by_server(std::chrono::milliseconds patience) {
    pollfd p{fd_, POLLIN, 0};
    char c = 0;
    return ::poll(&p, 1, static_cast<int>(patience.count())) == 1 && ::recv(fd_, &c, 1, 0) <= 0;
  }
  bool connected = false;

 private:
  int fd_;
};

std::string ask(std::uint16_t port, std::string_view target, std::string_view more = "") {
  Client c(port);
  c.send("GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + std::string(more) +
         "\r\n");
  return c.read();
}

// Routes alone.
struct RoutesTest : testing::Test {
  Board board;
  Access open{""}, guarded{"sesame"};
  Routes routes{board, open, {}};
  Steady now = std::chrono::steady_clock::now();
  Reply get(std::string_view target, std::string_view host = "localhost:9717") {
    Ask a;
    a.method = "GET";
    a.target = target;
    a.host = host;
    return routes.answer(a, now);
  }
};

std::string header(const Reply& r, std::string_view name) {
  for (const auto& [k, v] : r.headers)
    if (k == name) return v;
  return {};
}

TEST_F(RoutesTest, every_answer_carries_the_strict_headers) {
  for (const char* target : {"/", "/nothing", "/metrics", "/healthz", "/api/v1/targets", "/api/v1/events", "/login"}) {
    const Reply r = get(target);
    EXPECT_THAT(header(r, "Content-Security-Policy"), StartsWith("default-src 'none';")) << target;
    EXPECT_EQ(header(r, "X-Content-Type-Options"), "nosniff") << target;
    EXPECT_EQ(header(r, "Referrer-Policy"), "no-referrer") << target;
  }
}

TEST_F(RoutesTest, the_page_names_files_that_are_there_and_may_be_kept_for_ever) {
  const Reply page = get("/");
  ASSERT_EQ(page.status, 200U);
  for (const Asset& a : assets()) {
    if (!a.path.starts_with("/assets/")) continue;
    EXPECT_THAT(std::string(page.body), HasSubstr(std::string(a.path)));
    const Reply r = get(a.path);
    EXPECT_EQ(r.status, 200U);
    EXPECT_EQ(r.body, a.bytes);
    EXPECT_THAT(header(r, "Cache-Control"), HasSubstr("immutable"));
  }
  EXPECT_EQ(header(page, "Cache-Control"), "no-cache");
  EXPECT_EQ(get("/assets/../index.html").status, 404U);
}

TEST_F(RoutesTest, files_come_gzipped_to_who_can_and_not_at_all_to_who_has_them) {
  const Asset* page = find_asset("/index.html");
  ASSERT_NE(page, nullptr);
  Ask a;
  a.method = "GET";
  a.target = "/";
  a.host = "127.0.0.1";
  a.accept_encoding = "gzip, br";
  const Reply zipped = routes.answer(a, now);
  EXPECT_EQ(header(zipped, "Content-Encoding"), "gzip");
  EXPECT_EQ(zipped.body, page->gz);
  EXPECT_THAT(std::string(zipped.body), StartsWith("\x1f\x8b"));
  a.if_none_match = page->etag;
  EXPECT_EQ(routes.answer(a, now).status, 304U);
}

TEST_F(RoutesTest, one_report_is_served_several_want_a_choice) {
  EXPECT_EQ(get("/api/v1/report").status, 503U);
  board.publish({.target = "a b", .verdict = Severity::ok, .reachable = true, .report = text("{\"n\":1}")});
  EXPECT_EQ(get("/api/v1/report").body, "{\"n\":1}");
  board.publish({.target = "c", .verdict = Severity::critical, .reachable = false, .report = text("{\"n\":2}")});
  EXPECT_EQ(get("/api/v1/report").status, 400U);
  EXPECT_EQ(get("/api/v1/report?target=a%20b").body, "{\"n\":1}");
  EXPECT_EQ(get("/api/v1/report?target=x").status, 404U);
  EXPECT_EQ(get("/api/v1/targets").body, "{\"schema\":1,\"interval_seconds\":10,\"agent\":{},\"targets\":[]}");
  board.retire("c");
  EXPECT_EQ(get("/api/v1/report").body, "{\"n\":1}");
}

TEST_F(RoutesTest, the_sick_come_first) {
  for (const auto& [name, verdict, reachable] : {std::tuple("a", Severity::ok, true),
                                                 {"b", Severity::warning, true},
                                                 {"c", Severity::ok, false},
                                                 {"d", Severity::critical, true}})
    board.publish({.target = name,
                   .verdict = verdict,
                   .reachable = reachable,
                   .report = text("{}"),
                   .line = text("\"" + std::string(name) + "\""),
                   .findings = text(*name == 'a' ? "" : "\"of " + std::string(name) + "\"")});
  board.agent(text("{\"version\":\"1\"}"));
  EXPECT_EQ(get("/api/v1/targets").body,
            "{\"schema\":1,\"interval_seconds\":10,\"agent\":{\"version\":\"1\"},"
            "\"targets\":[\"c\",\"d\",\"b\",\"a\"]}");
  EXPECT_EQ(get("/api/v1/findings").body, "{\"schema\":1,\"findings\":[\"of b\",\"of c\",\"of d\"]}");
  EXPECT_EQ(get("/api/v1/findings?target=b").body, "{\"schema\":1,\"findings\":[\"of b\"]}");
  EXPECT_EQ(get("/api/v1/findings?target=x").status, 404U);
}

TEST_F(RoutesTest, documents_stand_beside_the_report) {
  EXPECT_EQ(get("/api/v1/queries").status, 503U);
  board.publish({.target = "a", .report = text("{}"), .others = {{"queries", text("{\"q\":1}")}}});
  EXPECT_EQ(get("/api/v1/queries").body, "{\"q\":1}");
  EXPECT_EQ(get("/api/v1/plans").status, 404U);
  EXPECT_EQ(get("/api/v1/queries?target=b").status, 404U);
  EXPECT_THAT(std::string(get("/api/v1/load").body), HasSubstr("\"points\":[]")) << "no sample yet";
}

Observation sample(Time at) {
  Observation o{at, {}};
  o.answers[std::string(activity.id())] = Answer{at, activity.rows({}), {}, 0.01};
  return o;
}

TEST_F(RoutesTest, what_is_not_in_memory_is_asked_of_the_history) {
  const Routes with_past(board, open, {.has_past = true});
  const auto ask = [&](const Routes& of, std::string_view path) {
    Ask a;
    a.method = "GET";
    a.target = path;
    a.host = "localhost";
    return of.answer(a, now);
  };
  board.publish({.target = "a", .report = text("{}"), .others = {{"events", text("{}")}}});
  const Reply load = ask(with_past, "/api/v1/load?from=2026-11-27T08:00:00Z&until=1795766500");
  ASSERT_TRUE(load.past);
  EXPECT_EQ(load.past->path, "load");
  EXPECT_EQ(load.past->target, "a");
  EXPECT_EQ(load.past->until, Time(std::chrono::seconds(1795766500)));
  EXPECT_TRUE(ask(with_past, "/api/v1/events?from=5").past);
  EXPECT_FALSE(ask(with_past, "/api/v1/events").past);
  EXPECT_EQ(ask(with_past, "/api/v1/load?from=x").status, 400U);
  EXPECT_EQ(ask(with_past, "/api/v1/load?from=9&until=5").status, 400U);
  const Reply oldest = ask(with_past, "/api/v1/load?from=0");
  ASSERT_TRUE(oldest.past);
  EXPECT_EQ(oldest.past->from, Time{});
  const Reply before = ask(with_past, "/api/v1/load?until=1795766500");
  ASSERT_TRUE(before.past);
  EXPECT_EQ(before.past->from, Time::min());
  EXPECT_EQ(before.past->until, Time(std::chrono::seconds(1795766500)));
  const Reply events = ask(with_past, "/api/v1/events?until=5");
  ASSERT_TRUE(events.past);
  EXPECT_EQ(events.past->until, Time(std::chrono::seconds(5)));
  EXPECT_FALSE(ask(with_past, "/api/v1/load").past);
  EXPECT_EQ(ask(with_past, "/api/v1/events?until=x").status, 400U);
  EXPECT_EQ(ask(routes, "/api/v1/events?until=x").status, 400U);
  EXPECT_FALSE(ask(routes, "/api/v1/load?from=5").past) << "without a history memory is all there is";
  EXPECT_EQ(Routes::document(nullptr).status, 503U);
  const Time first(std::chrono::seconds(1795766000));
  for (int i = 0; i < 1000; ++i) board.sampled("a", 4, 1, sample(after(first, i)));
  EXPECT_FALSE(ask(with_past, "/api/v1/load?until=1795766999").past) << "its quarter of an hour is in memory";
  EXPECT_FALSE(ask(with_past, "/api/v1/load?until=2795766999").past) << "and so is what is to come";
  EXPECT_TRUE(ask(with_past, "/api/v1/load?until=1795766600").past);
}

TEST_F(RoutesTest, events_are_a_list_or_a_stream) {
  board.publish({.target = "a", .report = text("{}"), .others = {{"events", text("{\"events\":[]}")}}});
  EXPECT_FALSE(get("/api/v1/events").live);
  EXPECT_TRUE(get("/api/v1/stream").live);
  EXPECT_TRUE(get("/api/v1/stream?target=a").live);
  EXPECT_EQ(get("/api/v1/stream?target=nobody").status, 404U);
  board.sampled("b", 4, 1, sample(Time(std::chrono::seconds(1795766000))));
  EXPECT_TRUE(get("/api/v1/stream?target=b").live) << "watched, but without a report yet";
  Ask a;
  a.method = "GET";
  a.target = "/api/v1/events";
  a.host = "localhost";
  a.accept = "text/event-stream";
  EXPECT_TRUE(routes.answer(a, now).live);
}

TEST_F(RoutesTest, health_is_progress_and_readiness_a_first_cycle) {
  board.progress(now);
  EXPECT_EQ(get("/healthz").status, 200U);
  now += 61s;
  EXPECT_EQ(get("/healthz").status, 503U);
  board.progress(now);
  EXPECT_EQ(get("/healthz").status, 200U);
  EXPECT_EQ(get("/readyz").status, 503U);
  board.ready(true);
  EXPECT_EQ(get("/readyz").status, 200U);
}

TEST_F(RoutesTest, a_foreign_name_that_resolves_to_us_is_refused) {
  for (const char* ours : {"localhost", "LOCALHOST:9717", "127.0.0.1:9717", "127.8.8.8", "[::1]:9717"})
    EXPECT_EQ(get("/metrics", ours).status, 200U) << ours;
  for (const char* foreign : {"evil.example", "evil.example:9717", "localhost.evil.example", "127.0.0.1.evil.example",
                              "", "[::1", "10.0.0.1", "a:b:c"})
    EXPECT_EQ(get("/metrics", foreign).status, 421U) << foreign;
  const Routes named(board, open, {"127.0.0.1", {"pg.example"}});
  Ask a;
  a.method = "GET";
  a.target = "/metrics";
  a.host = "pg.example";
  EXPECT_EQ(named.answer(a, now).status, 200U);
}

TEST_F(RoutesTest, only_get_and_head) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "X"}) {
    Ask a;
    a.method = method;
    a.target = "/metrics";
    a.host = "localhost";
    const Reply r = routes.answer(a, now);
    EXPECT_EQ(r.status, 405U) << method;
    EXPECT_EQ(header(r, "Allow"), "GET, HEAD");
  }
}

TEST_F(RoutesTest, with_a_token_all_but_health_and_the_login_is_closed) {
  const Routes closed(board, guarded, {"0.0.0.0"});
  board.ready(true);
  Ask a;
  a.method = "GET";
  a.host = "any.example";
  for (const char* target : {"/", "/metrics", "/api/v1/report", "/api/v1/targets", "/api/v1/events", "/nothing"}) {
    a.target = target;
    EXPECT_EQ(closed.answer(a, now).status, 401U) << target;
    a.authorization = "Bearer sesame";
    EXPECT_NE(closed.answer(a, now).status, 401U) << target;
    a.authorization = "Bearer sesamE";
    EXPECT_EQ(closed.answer(a, now).status, 401U) << target;
    a.authorization = "";
  }
  for (const char* target : {"/healthz", "/readyz", "/login"}) {
    a.target = target;
    EXPECT_EQ(closed.answer(a, now).status, 200U) << target;
  }
  a.target = "/metrics?token=sesame";
  EXPECT_EQ(closed.answer(a, now).status, 401U) << "a token in an address ends up in logs";
  a.target = "/";
  a.accept = "text/html,*/*";
  EXPECT_EQ(header(closed.answer(a, now), "Location"), "/login");
}

TEST_F(RoutesTest, a_login_sets_a_strict_cookie_that_is_not_the_token) {
  const Routes closed(board, guarded, {"0.0.0.0"});
  Ask a;
  a.method = "POST";
  a.target = "/login";
  a.body = "token=wrong";
  EXPECT_TRUE(closed.answer(a, now).slow_down);
  EXPECT_EQ(header(closed.answer(a, now), "Set-Cookie"), "");
  a.body = "x=1&token=s%65same";
  const std::string cookie = header(closed.answer(a, now), "Set-Cookie");
  EXPECT_THAT(cookie, HasSubstr("; HttpOnly; SameSite=Strict"));
  EXPECT_THAT(cookie, Not(HasSubstr("sesame")));
  const std::string pair = "other=1; " + cookie.substr(0, cookie.find(';'));
  a = {};
  a.method = "GET";
  a.target = "/metrics";
  a.cookie = pair;
  EXPECT_EQ(closed.answer(a, now).status, 200U);
  a.cookie = "pgvigil_session=; pgvigil_session";
  EXPECT_EQ(closed.answer(a, now).status, 401U);
}

TEST(Access, secrets_are_equal_only_when_they_are) {
  EXPECT_TRUE(same_secret("abc", "abc"));
  EXPECT_FALSE(same_secret("abd", "abc"));
  EXPECT_FALSE(same_secret("ab", "abc"));
  EXPECT_FALSE(same_secret("abcabc", "abc"));
  EXPECT_FALSE(same_secret("", ""));
  EXPECT_FALSE(same_secret("a", ""));
}

TEST(Board, resumes_after_an_id_and_keeps_a_report_on_one_line) {
  Board b;
  b.publish({.target = "a", .verdict = Severity::ok, .reachable = true, .report = text("{\n\"x\": \"\\n\"\r\n}")});
  const auto first = b.since(0);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(*first[0]->report, "{ \"x\": \"\\n\"  }");
  EXPECT_TRUE(b.since(first[0]->id).empty());
  b.publish({.target = "b", .verdict = Severity::ok, .reachable = true, .report = text("2")});
  b.publish({.target = "b", .verdict = Severity::ok, .reachable = true, .report = text("3")});
  const auto news = b.since(first[0]->id);
  ASSERT_EQ(news.size(), 1U) << "only the newest of a target";
  EXPECT_EQ(*news[0]->report, "3");
  EXPECT_TRUE(b.since(0, "c").empty());
}

TEST(HttpServer, refuses_to_start_half) {
  boost::asio::io_context loop;
  Board board;
  HttpOptions o;
  o.port = 0;
  HttpServer first(loop.get_executor(), o, board);
  ASSERT_FALSE(first.start());
  o.port = first.port();
  HttpServer second(loop.get_executor(), o, board);
  const auto taken = second.start();
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->message, "cannot listen on 127.0.0.1:" + std::to_string(first.port()) + ": address already in use");
  EXPECT_THAT(taken->hint, HasSubstr("another port"));
  for (const char* everywhere : {"0.0.0.0", "::"}) {
    o.address = everywhere;
    o.port = 0;
    HttpServer wide(loop.get_executor(), o, board);
    const auto refused = wide.start();
    ASSERT_TRUE(refused);
    EXPECT_THAT(refused->message, HasSubstr("without a token"));
    EXPECT_THAT(refused->hint, HasSubstr("insecure"));
  }
  o.address = "0.0.0.0";
  o.insecure = true;
  EXPECT_FALSE(HttpServer(loop.get_executor(), o, board).start());
  o.address = "db.example";
  EXPECT_TRUE(HttpServer(loop.get_executor(), o, board).start());
}

TEST(HttpServer, serves_and_keeps_the_connection) {
  Server s;
  s.board.metrics(text("pg_up 1\n"));
  Client c(s.port());
  for (int i = 0; i < 3; ++i) {
    c.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_THAT(c.read("pg_up 1\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
  }
  c.send("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string head = c.read("\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Content-Length: 8\r\n"));
  EXPECT_THAT(head, EndsWith("\r\n\r\n"));
}

TEST(HttpServer, what_is_no_request_gets_a_status_and_the_door) {
  Server s;
  const auto answer = [&](const std::string& sent) {
    Client c(s.port());
    c.send(sent);
    return c.read().substr(0, 12);
  };
  EXPECT_EQ(answer("GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(1 << 20, 'x') + "\r\n\r\n"),
            "HTTP/1.1 431");
  EXPECT_EQ(answer("\x16\x03\x01 garbage\r\n\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(answer("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(answer("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"),
            "HTTP/1.1 400");
  EXPECT_EQ(answer("POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n"), "HTTP/1.1 413");
  // A body where none belongs is not read as the next request.
  Client c(s.port());
  c.send(
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: "
      "localhost\r\n\r\n");
  const std::string all = c.read();
  EXPECT_THAT(all, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(all.substr(12), Not(HasSubstr("HTTP/1.1")));
}

TEST(HttpServer, live_events_arrive_resume_and_beat) {
  HttpOptions o;
  o.heartbeat = 200ms;
  Server s(o);
  s.board.publish({.target = "a", .verdict = Severity::ok, .reachable = true, .report = text("{\"n\":1}")});
  Client c(s.port());
  c.send("GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string first = c.read("{\"n\":1}\n\n");
  EXPECT_THAT(first, HasSubstr("Content-Type: text/event-stream"));
  EXPECT_THAT(first, HasSubstr("event: report\ndata: {\"n\":1}\n\n"));
  const auto sent = std::chrono::steady_clock::now();
  s.board.publish({.target = "a", .verdict = Severity::ok, .reachable = true, .report = text("{\"n\":2}")});
  const std::string second = c.read("{\"n\":2}\n\n");
  EXPECT_THAT(second, HasSubstr("data: {\"n\":2}"));
  EXPECT_LT(seconds_since(sent), 5);
  EXPECT_THAT(c.read(": still here\n\n"), HasSubstr(": still here"));

  const auto id_at = second.find("id: ") + 4;
  const std::string id = second.substr(id_at, second.find('\n', id_at) - id_at);
  Client again(s.port());
  again.send("GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: " + id + "\r\n\r\n");
  EXPECT_THAT(again.read(": still here\n\n"), Not(HasSubstr("event: report"))) << "nothing new since that id";
  Client stranger(s.port());
  stranger.send("GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 18446744073709551615\r\n\r\n");
  const std::string got = stranger.read(": still here\n\n");
  EXPECT_THAT(got, HasSubstr("{\"n\":2}")) << "an id that is not ours";
  EXPECT_EQ(got.find("event: report"), got.rfind("event: report")) << "once";
}

TEST(HttpServer, half_sent_requests_hold_nobody_up) {
  HttpOptions o;
  o.header_deadline = 400ms;
  o.max_connections = 64;
  Server s(o);
  s.board.metrics(text("pg_up 1\n"));
  std::vector<std::unique_ptr<Client>> slow;
  for (int i = 0; i < 200; ++i) {
    slow.push_back(std::make_unique<Client>(s.port()));
    slow.back()->send("G");
  }
  for (int i = 0; i < 10; ++i) {
    for (auto& c : slow) c->send("E");
    const auto from = std::chrono::steady_clock::now();
    EXPECT_THAT(ask(s.port(), "/metrics"), EndsWith("pg_up 1\n"));
    EXPECT_LT(seconds_since(from), 3) << "not behind the half-sent ones";
    EXPECT_LE(s.connections(), 64U);
  }
  EXPECT_TRUE(soon([&] { return s.connections() == 0; })) << "their deadline is over";
}

TEST(HttpServer, readers_that_stop_reading_are_dropped_and_share_one_body) {
  HttpOptions o;
  o.write_deadline = 1500ms;
  Server s(o);
  const Text page = text(std::string(16 << 20, 'x'));
  s.board.metrics(page);
  std::vector<std::unique_ptr<Client>> stuck;
  for (int i = 0; i < 20; ++i) {
    stuck.push_back(std::make_unique<Client>(s.port(), 4096));
    stuck.back()->send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  EXPECT_TRUE(soon([&] { return page.use_count() >= 12; })) << "each holds the one page";
  EXPECT_THAT(ask(s.port(), "/healthz"), EndsWith("ok\n"));
  EXPECT_TRUE(soon([&] { return s.connections() == 0; })) << "their deadline is over";
  EXPECT_EQ(page.use_count(), 2);
}

TEST(HttpServer, live_readers_are_capped_and_leave_room_for_scrapes) {
  HttpOptions o;
  o.max_streams = 3;
  Server s(o);
  std::vector<std::unique_ptr<Client>> live;
  for (int i = 0; i < 4; ++i) {
    live.push_back(std::make_unique<Client>(s.port()));
    live.back()->send("GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_THAT(live.back()->read("\r\n\r\n"), StartsWith(i < 3 ? "HTTP/1.1 200" : "HTTP/1.1 503"));
  }
  EXPECT_THAT(ask(s.port(), "/healthz"), EndsWith("ok\n"));
}

TEST(HttpServer, out_of_descriptors_it_waits_and_does_not_spin) {
  Server s;
  s.board.metrics(text("pg_up 1\n"));
  const auto open_files = std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  // The clients are in this process too: they are opened first, then the limit falls to what is open.
  std::vector<std::unique_ptr<Client>> waiting;
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(open_files) + 8;
  ::setrlimit(RLIMIT_NOFILE, &tight);
  for (int i = 0; i < 6; ++i) waiting.push_back(std::make_unique<Client>(s.port()));
  std::clock_t cpu = std::clock();
  std::this_thread::sleep_for(1s);
  cpu = std::clock() - cpu;
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_LT(static_cast<double>(cpu) / CLOCKS_PER_SEC, 0.2);
  waiting.clear();
  EXPECT_THAT(ask(s.port(), "/metrics"), EndsWith("pg_up 1\n")) << "and goes on";
}

TEST(HttpServer, stop_ends_the_loop) {
  const auto from = std::chrono::steady_clock::now();
  {
    Server s;
    Client idle(s.port()), live(s.port());
    live.send("GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    live.read("\r\n\r\n");
  }
  EXPECT_LT(seconds_since(from), 5);
}

}  // namespace
}  // namespace pgvigil
