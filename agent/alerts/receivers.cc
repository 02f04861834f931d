#include "agent/alerts/receivers.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <random>
#include <stdexcept>

#include "agent/alerts/payload.h"
#include "agent/net/http_client.h"

namespace pgvigil {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

std::string in_words(const net::Response& r) {
  if (r.status == 0) return r.error;
  if (r.status >= 300 && r.status < 400) return fmt::format("answered {}, a redirect, which is not followed", r.status);
  return fmt::format("answered {}", r.status);
}

// Refused for good: trying again would not help. A redirect may be a portal that goes away.
bool is_final(int status) { return status >= 400 && status < 500 && status != 429; }

}  // namespace

struct Alerts::Receiver {
  struct Edge {
    std::string key;
    Notice::Edge edge;
    std::string payload;
    Clock::time_point since;
  };

  Receiver(const asio::any_io_executor& executor, ReceiverOptions o, const AlertsOptions& shared)
      : options(std::move(o)),
        pace(shared.pace),
        outbox(shared.outbox),
        log(shared.log),
        timer(executor),
        client({.ca_file = options.ca_file, .allow_private = options.allow_private}) {
    std::string why;
    url = net::parse_url(options.url, why).value();
    stats.name = options.name;
  }

  void say(std::string_view what) const {
    if (log) log(fmt::format("receiver {}: {}: {}", options.name, url.host, what));
  }

  void push(Edge edge) {
    if (queue.size() >= std::max<std::size_t>(pace.queue, 1)) make_room();
    queue.push_back(std::move(edge));
    if (idle) timer.cancel();
  }

  void make_room() {
    const auto from = queue.begin() + (in_flight && queue.size() > 1 ? 1 : 0);
    auto out = std::find_if(from, queue.end(), [](const Edge& e) { return e.edge == Notice::Edge::resolved; });
    if (out == queue.end()) out = from;
    const bool was_front = out == queue.begin();
    settle(*out, false);
    queue.erase(out);
    if (was_front) tries = 0, in_flight = false;
    if (std::has_single_bit(stats.dropped))
      say(fmt::format("the queue is full, {} alerts were dropped", stats.dropped));
  }

  void settle(const Edge& edge, bool delivered) {
    ++(delivered ? stats.sent : stats.dropped);
    if (outbox != nullptr) outbox->settled(options.name, edge.key, edge.edge, delivered);
  }

  // How long to wait before the next POST.
  milliseconds judge(const net::Response& r) {
    const Edge& edge = queue.front();
    if (r.ok()) {
      if (tries > 0) say(fmt::format("delivered after {} tries", tries + 1));
      tries = 0;
      settle(edge, true);
      queue.pop_front();
      return pace.gap;
    }
    ++stats.failed;
    stats.last_error = in_words(r);
    const bool old = Clock::now() - edge.since >= pace.keep;
    if (is_final(r.status) || old) {
      say(fmt::format("{}; the {} alert {} was dropped; hint: {}", stats.last_error, to_string(edge.edge), edge.key,
                      old ? "it could not be delivered for too long" : "check the receiver's url"));
      tries = 0;
      settle(edge, false);
      queue.pop_front();
      return pace.gap;
    }
    ++tries;
    std::uniform_real_distribution<double> spread(0, 1);
    milliseconds wait = backoff(pace, tries, spread(random));
    if (r.status == 429 || r.status == 503)
      if (const auto asked = retry_after(r.retry_after, std::chrono::system_clock::now()))
        wait = std::min(std::max(*asked, wait), pace.longest_wait);
    if (std::has_single_bit(tries))
      say(fmt::format("{}; trying again in {:.1f} s", stats.last_error, static_cast<double>(wait.count()) / 1000));
    return std::max(wait, pace.gap);
  }

  asio::awaitable<void> sleep(Clock::time_point until) {
    boost::system::error_code ignored;
    timer.expires_at(until);
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

  // Holds itself: it may still be in a POST when the Alerts are gone.
  static asio::awaitable<void> serve(std::shared_ptr<Receiver> self) {
    while (!self->stopped) {
      if (self->queue.empty()) {
        self->idle = true;
        co_await self->sleep(Clock::time_point::max());
        self->idle = false;
        continue;
      }
      if (Clock::now() < self->next_post) {
        co_await self->sleep(self->next_post);
        continue;
      }
      self->in_flight = true;
      const Clock::time_point began = Clock::now();
      net::Response response;
      try {
        net::Headers headers;
        headers.emplace_back("Content-Type", "application/json");
        response = co_await self->client.post(self->url, std::move(headers), self->queue.front().payload,
                                              self->options.timeout);
      } catch (const std::exception& e) {
        response.error = "cannot send";
      }
      if (self->stopped) co_return;
      if (!self->in_flight) continue;  // it was pushed out of a queue of one
      self->in_flight = false;
      const milliseconds wait = self->judge(response);
      self->next_post = (response.ok() ? began : Clock::now()) + wait;
    }
  }

  ReceiverOptions options;
  net::Url url;
  Pace pace;
  Outbox* outbox;
  std::function<void(const std::string&)> log;
  asio::steady_timer timer;
  net::HttpClient client;
  std::deque<Edge> queue;
  ReceiverStats stats;
  std::mt19937 random{std::random_device{}()};
  unsigned tries = 0;  // of the first in the queue
  bool in_flight = false, idle = false, stopped = false;
  Clock::time_point next_post = Clock::time_point::min();
};

std::string check_receiver(const ReceiverOptions& options) {
  std::string why;
  const auto url = net::parse_url(options.url, why);
  if (!url) return fmt::format("receiver {}: {}; hint: give a whole https URL", options.name, why);
  if (!url->tls && !net::names_loopback(url->host))
    return fmt::format("receiver {}: plain http leads only to this machine; hint: use https", options.name);
  return "";
}

Alerts::Alerts(asio::any_io_executor executor, std::vector<ReceiverOptions> receivers, AlertsOptions options) {
  for (const ReceiverOptions& r : receivers)
    if (const std::string why = check_receiver(r); !why.empty()) throw std::invalid_argument(why);
  for (ReceiverOptions& r : receivers) {
    receivers_.push_back(std::make_shared<Receiver>(executor, std::move(r), options));
    asio::co_spawn(executor, Receiver::serve(receivers_.back()), asio::detached);
  }
}

Alerts::~Alerts() {
  for (const auto& r : receivers_) {
    r->stopped = true;
    r->timer.cancel();
  }
}

void Alerts::post(const Notice& notice, const Message& message) {
  for (const auto& r : receivers_) {
    if (notice.edge == Notice::Edge::resolved && !r->options.send_resolved) continue;
    try {
      std::string payload = r->options.kind == ReceiverOptions::Kind::slack
                                ? slack_payload(message)
                                : webhook_payload(notice, message, r->options.name);
      if (r->outbox != nullptr) r->outbox->keep(r->options.name, notice, payload);
      r->push({notice.key, notice.edge, std::move(payload), Clock::now()});
    } catch (const std::exception&) {
      ++r->stats.dropped;
      r->say("an alert could not be written down and was dropped");
    }
  }
}

std::vector<ReceiverStats> Alerts::stats() const {
  std::vector<ReceiverStats> all;
  for (const auto& r : receivers_) {
    all.push_back(r->stats);
    all.back().queued = r->queue.size();
    if (!r->queue.empty())
      all.back().oldest_seconds = std::chrono::duration<double>(Clock::now() - r->queue.front().since).count();
  }
  return all;
}

asio::awaitable<std::size_t> Alerts::drain(milliseconds limit) {
  const auto left = [this] {
    std::size_t n = 0;
    for (const auto& r : receivers_) n += r->queue.size();
    return n;
  };
  const auto until = Clock::now() + limit;
  asio::steady_timer tick(co_await asio::this_coro::executor);
  while (left() > 0 && Clock::now() < until) {
    tick.expires_after(milliseconds(10));
    co_await tick.async_wait(asio::use_awaitable);
  }
  for (const auto& r : receivers_)
    if (!r->queue.empty()) r->say(fmt::format("{} alerts stay undelivered", r->queue.size()));
  co_return left();
}

}  // namespace pgvigil
