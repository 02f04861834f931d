#include "agent/http/server.h"

#include <fmt/format.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <list>

#include "agent/http/routes.h"

namespace pgvigil {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Nothing = asio::awaitable<void>;

constexpr std::uint32_t header_limit = 8 * 1024;
constexpr std::uint64_t login_limit = 4 * 1024;

auto into(error_code& ec) { return asio::redirect_error(asio::use_awaitable, ec); }

struct Connection {
  explicit Connection(tcp::socket socket) : stream(std::move(socket)), wake(stream.get_executor()) {}
  beast::tcp_stream stream;
  beast::flat_buffer buffer{header_limit + login_limit};
  asio::steady_timer wake;  // of live events: cancelled when there is news
  bool reading = true;      // waits for a request: the first to go when places are short
  bool live = false;
};

std::string_view view(beast::string_view s) { return {s.data(), s.size()}; }

}  // namespace

struct HttpServer::State : std::enable_shared_from_this<State> {
  State(asio::any_io_executor executor, HttpOptions opts, Board& b)
      : options(std::move(opts)),
        board(b),
        access(options.token),
        routes(
            b, access,
            {options.address, options.hosts, options.stuck_after, options.interval_seconds, options.past != nullptr}),
        acceptor(executor),
        place_free(executor) {}

  const HttpOptions options;
  Board& board;
  const Access access;
  const Routes routes;
  tcp::acceptor acceptor;
  asio::steady_timer place_free;                       // cancelled when a connection ends
  std::list<std::shared_ptr<Connection>> connections;  // the longest idle first
  int streams = 0;
  std::uint16_t port = 0;
  bool stopped = false;

  // The longest waiting reader gives its place away; false when all are busy.
  bool drop_an_idle_one() {
    for (const auto& c : connections)
      if (c->reading && c->stream.socket().is_open()) {
        c->stream.close();
        return true;
      }
    return false;
  }

  Nothing pause(std::chrono::milliseconds time) {
    error_code ec;
    place_free.expires_after(time);
    co_await place_free.async_wait(into(ec));
  }

  Nothing accept() {
    const auto self = shared_from_this();
    while (!stopped) {
      error_code ec;
      tcp::socket socket(acceptor.get_executor());
      co_await acceptor.async_accept(socket, into(ec));
      if (stopped) co_return;
      if (ec) {
        // Out of descriptors: accept fails at once, again and again. An idle one goes, and we breathe.
        if (ec == asio::error::no_descriptors || ec == boost::system::errc::too_many_files_open_in_system)
          drop_an_idle_one();
        if (ec != asio::error::connection_aborted) co_await pause(std::chrono::milliseconds(200));
        continue;
      }
      while (!stopped && connections.size() >= static_cast<std::size_t>(options.max_connections)) {
        drop_an_idle_one();
        co_await pause(std::chrono::milliseconds(100));
      }
      if (stopped) co_return;
      socket.set_option(tcp::no_delay(true), ec);
      const auto c = std::make_shared<Connection>(std::move(socket));
      const auto place = connections.insert(connections.end(), c);
      asio::co_spawn(acceptor.get_executor(), serve(c), [self, place](std::exception_ptr) {
        self->connections.erase(place);
        self->place_free.cancel();
      });
    }
  }

  Nothing serve(std::shared_ptr<Connection> c) {
    for (bool first = true; !stopped; first = false) {
      error_code ec;
      c->reading = true;
      if (!first && c->buffer.size() == 0) {
        c->stream.expires_after(options.idle_deadline);
        const std::size_t n = co_await c->stream.async_read_some(c->buffer.prepare(1024), into(ec));
        if (ec) co_return;
        c->buffer.commit(n);
      }
      http::request_parser<http::string_body> parser;
      parser.header_limit(header_limit);
      parser.body_limit(login_limit);
      c->stream.expires_after(options.header_deadline);
      co_await http::async_read_header(c->stream, c->buffer, parser, into(ec));
      const bool post = !ec && parser.get().method() == http::verb::post && parser.get().target() == "/login";
      const bool has_body = !ec && !parser.is_done() && (parser.chunked() || parser.content_length().value_or(0) > 0);
      if (!ec && post) co_await http::async_read(c->stream, c->buffer, parser, into(ec));
      c->reading = false;
      if (ec) {
        if (ec.category() == make_error_code(http::error::bad_method).category() && ec != http::error::end_of_stream) {
          const unsigned status = ec == http::error::header_limit ? 431U : ec == http::error::body_limit ? 413U : 400U;
          co_await write(*c, Routes::refuse(status, "this is not a request we understand"), false, false, 11);
          co_await linger(*c);
        }
        co_return;
      }
      const auto& request = parser.get();
      Reply reply = routes.answer(ask_of(request), std::chrono::steady_clock::now());
      const bool head = request.method() == http::verb::head;
      if (reply.live && !head) {
        if (streams < options.max_streams) {
          co_await stream_events(c, std::move(reply), request.version());
          co_return;
        }
        reply = Routes::refuse(503, "too many live readers");
      }
      if (reply.past) reply = Routes::document(co_await past(c, *reply.past));
      if (reply.slow_down) {
        c->wake.expires_after(std::chrono::milliseconds(500));
        co_await c->wake.async_wait(into(ec));
      }
      const bool keep = request.keep_alive() && reply.status < 400 && (post || !has_body);
      if (!co_await write(*c, reply, head, keep, request.version())) co_return;
      if (!keep) {
        co_await linger(*c);
        co_return;
      }
      move_to_back(c);
    }
  }

  // The history answers on a thread of its own. A disk that hangs costs the asker the answer, and nobody else anything.
  asio::awaitable<Text> past(std::shared_ptr<Connection> c, const PastAsk& ask) {
    struct Late {
      Text text;
      bool there = false;
    };
    const auto answer = std::make_shared<Late>();
    options.past(ask, [answer, c, executor = acceptor.get_executor()](Text text) {
      asio::post(executor, [answer, c, text = std::move(text)]() mutable {
        *answer = {std::move(text), true};
        c->wake.cancel();
      });
    });
    error_code woken;
    c->wake.expires_after(options.past_deadline);
    if (!answer->there) co_await c->wake.async_wait(into(woken));
    co_return answer->text;
  }

  static Ask ask_of(const http::request<http::string_body>& r) {
    Ask ask;
    ask.method = view(r.method_string());
    ask.target = view(r.target());
    ask.host = view(r[http::field::host]);
    ask.authorization = view(r[http::field::authorization]);
    ask.cookie = view(r[http::field::cookie]);
    ask.accept = view(r[http::field::accept]);
    ask.accept_encoding = view(r[http::field::accept_encoding]);
    ask.if_none_match = view(r[http::field::if_none_match]);
    ask.last_event_id = view(r["Last-Event-ID"]);
    ask.body = r.body();
    ask.old = r.version() < 11;
    return ask;
  }

  template <class Message>
  static void fill(Message& m, const Reply& reply, bool keep) {
    m.result(reply.status);
    for (const auto& [name, value] : reply.headers) m.insert(beast::string_view(name.data(), name.size()), value);
    m.keep_alive(keep);
  }

  // The body is written from where it lies: a page for many slow readers is one page in memory.
  asio::awaitable<bool> write(Connection& c, const Reply& reply, bool head, bool keep, unsigned version) {
    error_code ec;
    c.stream.expires_after(options.write_deadline);
    if (head || reply.status == 304) {
      http::response<http::empty_body> m;
      m.version(version);
      fill(m, reply, keep);
      if (reply.status != 304 && !reply.live) m.content_length(reply.body.size());
      http::response_serializer<http::empty_body> s(m);
      co_await http::async_write_header(c.stream, s, into(ec));
    } else {
      http::response<http::span_body<const char>> m;
      m.version(version);
      fill(m, reply, keep);
      m.body() = {reply.body.data(), reply.body.size()};
      m.content_length(reply.body.size());
      http::response_serializer<http::span_body<const char>> s(m);
      co_await http::async_write(c.stream, s, into(ec));
    }
    co_return !ec;
  }

  // Closing with unread bytes would reset the connection and take the answer with it.
  Nothing linger(Connection& c) {
    error_code ec;
    c.stream.socket().shutdown(tcp::socket::shutdown_send, ec);
    c.stream.expires_after(std::chrono::seconds(1));
    c.reading = true;
    char waste[4096];
    for (int i = 0; i < 256 && !ec; ++i) co_await c.stream.async_read_some(asio::buffer(waste), into(ec));
    c.stream.close();
  }

  // Each wake-up sends what is newer than the last event sent: a slow reader skips what it missed.
  Nothing stream_events(std::shared_ptr<Connection> c, Reply reply, unsigned version) {
    error_code ec;
    struct Counted {
      int& n;
      explicit Counted(int& count) : n(count) { ++n; }
      ~Counted() { --n; }
    } const counted(streams);
    c->live = true;
    http::response<http::empty_body> m;
    m.version(version);
    fill(m, reply, false);
    http::response_serializer<http::empty_body> s(m);
    c->stream.expires_after(options.write_deadline);
    co_await http::async_write_header(c->stream, s, into(ec));
    std::string head = "retry: 2000\n\n";
    co_await asio::async_write(c->stream, asio::buffer(head), into(ec));
    std::uint64_t last = reply.after > board.last_id() ? 0 : reply.after;  // not an id of ours: all is news
    std::uint64_t sample = 0;
    const auto send = [&](std::string event, const Text& text) -> Nothing {
      event += "data: ";
      const std::array<asio::const_buffer, 3> parts{asio::buffer(event), asio::buffer(*text), asio::buffer("\n\n", 2)};
      c->stream.expires_after(options.write_deadline);
      co_await asio::async_write(c->stream, parts, into(ec));
    };
    while (!ec && !stopped) {
      const auto news = board.since(last, reply.only_target);
      for (const PublishedPtr& p : news) {
        if (!ec) co_await send(fmt::format("id: {}\nevent: report\n", p->id), p->report);
        if (!ec && p->line) co_await send("event: target\n", p->line);
        last = p->id;
      }
      const auto fresh = board.sample_since(sample, sampled_target(reply.only_target));
      if (fresh && !ec) {
        co_await send("event: load\n", fresh->document);
        sample = fresh->number;
      }
      if (ec || stopped) co_return;
      if (!news.empty() || fresh) continue;  // more may have come while we wrote
      c->wake.expires_after(options.heartbeat);
      error_code woken;
      co_await c->wake.async_wait(into(woken));
      if (woken || stopped) continue;  // cancelled: news, or the end
      head = ": still here\n\n";
      c->stream.expires_after(options.write_deadline);
      co_await asio::async_write(c->stream, asio::buffer(head), into(ec));
    }
  }

  // Samples go to whoever looks at one target.
  std::string sampled_target(const std::string& only) const {
    if (!only.empty()) return only;
    const auto all = board.all();
    return all.size() == 1 ? all.front()->target : "";
  }

  void move_to_back(const std::shared_ptr<Connection>& c) {
    for (auto it = connections.begin(); it != connections.end(); ++it)
      if (*it == c) {
        connections.splice(connections.end(), connections, it);
        return;
      }
  }

  void wake_streams() {
    for (const auto& c : connections)
      if (c->live) c->wake.cancel();
  }
};

HttpServer::HttpServer(asio::any_io_executor executor, HttpOptions options, Board& board) {
  if (options.address == "localhost") options.address = "127.0.0.1";
  state_ = std::make_shared<State>(std::move(executor), std::move(options), board);
}

HttpServer::~HttpServer() { stop(); }

std::optional<HttpError> HttpServer::start() {
  State& s = *state_;
  const HttpOptions& o = s.options;
  error_code ec;
  const auto address = asio::ip::make_address(o.address, ec);
  if (ec)
    return HttpError{fmt::format("cannot listen on \"{}\": it is not an IP address", o.address),
                     "write an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them"};
  const tcp::endpoint where(address, o.port);
  const std::string name =
      address.is_v6() ? fmt::format("[{}]:{}", o.address, o.port) : fmt::format("{}:{}", o.address, o.port);
  if (!address.is_loopback() && o.token.empty() && !o.insecure)
    return HttpError{
        fmt::format("will not listen on {} without a token", name),
        "set http.token_file, or http.insecure: true where the network is trusted, or listen on 127.0.0.1"};
  s.acceptor.open(where.protocol(), ec);
  if (!ec) s.acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec) s.acceptor.bind(where, ec);
  if (!ec) s.acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) {
    error_code ignored;
    s.acceptor.close(ignored);
    std::string why = ec.message();
    if (!why.empty() && why[0] >= 'A' && why[0] <= 'Z') why[0] = static_cast<char>(why[0] - 'A' + 'a');
    return HttpError{fmt::format("cannot listen on {}: {}", name, why),
                     ec == asio::error::address_in_use ? "stop the other program, or choose another port: http.port"
                                                       : "check http.address against the addresses of this machine"};
  }
  s.port = s.acceptor.local_endpoint(ec).port();
  s.board.on_news([weak = std::weak_ptr<State>(state_), executor = s.acceptor.get_executor()] {
    asio::post(executor, [weak] {
      if (const auto state = weak.lock()) state->wake_streams();
    });
  });
  asio::co_spawn(s.acceptor.get_executor(), s.accept(), asio::detached);
  return std::nullopt;
}

std::uint16_t HttpServer::port() const { return state_->port; }
std::size_t HttpServer::connections() const { return state_->connections.size(); }

void HttpServer::stop() {
  State& s = *state_;
  if (s.stopped) return;
  s.stopped = true;
  s.board.on_news(nullptr);
  error_code ec;
  s.acceptor.close(ec);
  s.place_free.cancel();
  for (const auto& c : s.connections) {
    c->wake.cancel();
    c->stream.close();
  }
}

}  // namespace pgvigil
