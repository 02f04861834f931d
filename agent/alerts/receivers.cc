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
#include <map>
#include <random>
#include <stdexcept>

#include "agent/alerts/queue.h"

namespace pgvigil {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr std::size_t most_in_one_body = 100;  // alerts, for receivers that are programs
constexpr int lives = 4;                       // reposts that an alert outlives
constexpr auto leaving_for = std::chrono::minutes(10);

Time utc_now() { return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now()); }

// Refused for good: trying again would not help. A redirect may be a portal that goes away.
bool is_final(int status) { return status >= 400 && status < 500 && status != 429 && status != 408; }

// The receiver is there and answers others: what it does not take must not stand in their way.
bool blames_the_body(int status) { return status >= 500 && status != 502 && status != 503 && status != 504; }

net::Url url_of(const ReceiverOptions& o) {
  std::string why;
  net::Url url = net::parse_url(o.url, why).value();
  if (o.kind == ReceiverKind::alertmanager) {
    while (url.target.ends_with('/')) url.target.pop_back();
    url.target += "/api/v2/alerts";
  }
  return url;
}

std::shared_ptr<const net::HttpClient> client_of(const ReceiverOptions& o) {
  return std::make_shared<net::HttpClient>(net::ClientOptions{.ca_file = o.ca_file, .allow_private = o.allow_private});
}

net::Headers headers() { return {{"Content-Type", "application/json"}}; }

double lifetime(const Pace& pace) { return lives * std::chrono::duration<double>(pace.repost).count(); }

}  // namespace

std::string in_words(const net::Response& r) {
  if (r.status == 0) return r.error;
  if (r.status >= 300 && r.status < 400) return fmt::format("answered {}, a redirect, which is not followed", r.status);
  return fmt::format("answered {}", r.status);
}

struct Alerts::Receiver {
  Receiver(const asio::any_io_executor& executor, ReceiverOptions o, const AlertsOptions& shared)
      : options(std::move(o)),
        url(url_of(options)),
        pace(shared.pace),
        settled(shared.settled),
        log(shared.log),
        timer(executor),
        client(client_of(options)),
        queue(pace.queue, [this](const Delivery& d) { push_out(d); }) {
    stats.name = options.name;
  }

  // Between two POSTs, and during one: that goes on as it was begun.
  void configure(ReceiverOptions o) {
    options = std::move(o);
    url = url_of(options);
    client = client_of(options);
    next_post = std::min(next_post, Clock::now() + pace.gap);  // it may be mended
    timer.cancel();
  }

  void leave() {
    standing.clear();
    leave_by = Clock::now() + leaving_for;
    timer.cancel();
  }
  bool left() const { return leave_by && (queue.empty() || Clock::now() >= *leave_by); }

  void give_up(const std::vector<Delivery>& all, std::string_view why, std::string_view hint = "") {
    for (const Delivery& d : all) settle(d, false);
    if (!all.empty())
      say(fmt::format("{}; the {} alert {}{} was dropped{}{}", why, to_string(all.front().edge), all.front().key,
                      all.size() > 1 ? fmt::format(" and {} more", all.size() - 1) : "",
                      hint.empty() ? "" : "; hint: ", hint));
  }

  void say(std::string_view what) const {
    if (log) log(fmt::format("receiver {}: {}: {}", options.name, url.host, what));
  }

  void push(Delivery d) {
    const double age = std::max(0.0, seconds_between(d.at, utc_now()));
    const auto since = Clock::now() - std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(age));
    queue.push({std::move(d), since});
    if (idle) timer.cancel();
  }

  void push_out(const Delivery& d) {
    settle(d, false);
    if (takes_digests(options.kind)) ++unsaid;  // the next digest counts it
    if (std::has_single_bit(stats.dropped))
      say(fmt::format("the queue is full, {} alerts were dropped", stats.dropped));
  }

  void settle(const Delivery& d, bool delivered) {
    ++(delivered ? stats.sent : stats.dropped);
    if (settled) settled(options.name, d.id, delivered);
  }

  bool due_again() const { return !standing.empty() && Clock::now() >= next_standing; }

  // What goes out next; its edges are in flight. Only what stands, when none wait.
  std::string body() {
    std::vector<std::string> payloads;
    if (queue.empty()) {
      for (const auto& [target, all] : standing) payloads.insert(payloads.end(), all.begin(), all.end());
      next_standing = Clock::now() + pace.repost;
      return merged(options.kind, payloads);
    }
    const bool storm = queue.waiting() + unsaid > pace.storm;
    digested = storm && takes_digests(options.kind);
    if (digested) {
      std::vector<std::string> titles;
      for (const auto& w : queue.take(queue.size(), false)) titles.push_back(w.delivery.title);
      return payload(options.kind, {}, digest(titles, titles.size() + unsaid, Severity::critical), options.name);
    }
    unsaid = 0;
    // Alertmanager holds states: what was overtaken while it was away is not told at all.
    const bool states = options.kind == ReceiverKind::alertmanager;
    const bool together = singly == 0 && (states || (options.kind == ReceiverKind::webhook && storm));
    if (singly > 0) --singly;
    for (const auto& w : queue.take(together ? most_in_one_body : 1, !states)) payloads.push_back(w.delivery.payload);
    return payloads.size() == 1 ? payloads.front() : merged(options.kind, payloads);
  }

  // How long to wait before the next POST.
  milliseconds judge(const std::vector<DeliveryQueue::Waiting>& sent, const net::Response& r) {
    if (r.ok()) {
      if (tries > 0) say(fmt::format("delivered after {} tries", tries + 1));
      tries = 0;
      unsaid = 0;
      for (const auto& w : sent) settle(w.delivery, true);
      queue.settle();
      return pace.gap;
    }
    ++stats.failed;
    stats.last_error = in_words(r);
    if (is_final(r.status) && sent.size() > 1 && !digested) {  // one of them is to blame
      singly = sent.size();
      queue.put_back(false);
      return pace.gap;
    }
    if (is_final(r.status)) {
      tries = 0;
      if (sent.empty() && std::has_single_bit(++refused))
        say(fmt::format("{}; it is not told again what fires; hint: check the receiver's url", stats.last_error));
      give_up(flown(), stats.last_error, "check the receiver's url");
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
    queue.put_back(blames_the_body(r.status));
    give_up(queue.expire(Clock::now() - pace.keep), stats.last_error, "it could not be delivered for too long");
    return std::max(wait, pace.gap);
  }

  // What is in flight, and no longer is.
  std::vector<Delivery> flown() {
    std::vector<Delivery> all;
    for (const auto& w : queue.in_flight()) all.push_back(w.delivery);
    queue.settle();
    return all;
  }

  asio::awaitable<void> sleep(Clock::time_point until) {
    boost::system::error_code ignored;
    timer.expires_at(until);
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

  // Holds itself: it may still be in a POST when the Alerts are gone.
  static asio::awaitable<void> serve(std::shared_ptr<Receiver> self) {
    while (!self->stopped && !self->left()) {
      if (self->queue.empty() && !self->due_again()) {
        self->idle = true;
        co_await self->sleep(self->standing.empty() ? Clock::time_point::max() : self->next_standing);
        self->idle = false;
        continue;
      }
      if (Clock::now() < self->next_post) {
        co_await self->sleep(self->leave_by ? std::min(self->next_post, *self->leave_by) : self->next_post);
        continue;
      }
      const Clock::time_point began = Clock::now();
      net::Response response;
      const std::vector<DeliveryQueue::Waiting>& sent = self->queue.in_flight();
      std::optional<std::string> body;
      try {
        body = completed(self->options.kind, self->body(), self->options.routing_key, utc_now(), lifetime(self->pace));
      } catch (const std::exception&) {  // kept for a receiver of another kind, or damaged
        self->give_up(self->flown(), "what was kept is not in its form");
        continue;
      }
      try {
        const auto client = self->client;  // a reload may replace it meanwhile
        response = co_await client->post(self->url, headers(), std::move(*body), self->options.timeout);
      } catch (const std::exception& e) {
        response.error = "cannot send";
      }
      if (self->stopped) co_return;
      const milliseconds wait = self->judge(sent, response);
      self->next_post = (response.ok() ? began : Clock::now()) + wait;
    }
    if (self->stopped) co_return;
    self->queue.take(self->queue.size(), false);
    self->give_up(self->flown(), "the receiver is no longer configured");
  }

  ReceiverOptions options;
  net::Url url;
  Pace pace;
  std::function<void(const std::string&, const std::string&, bool)> settled;
  std::function<void(const std::string&)> log;
  asio::steady_timer timer;
  std::shared_ptr<const net::HttpClient> client;
  DeliveryQueue queue;
  std::size_t unsaid = 0;  // pushed out of the queue since the last digest
  std::size_t singly = 0;  // of those that wait first, since a body of many was refused
  bool digested = false;   // what is in flight
  std::map<std::string, std::vector<std::string>> standing;  // by target; not empty for any
  Clock::time_point next_standing = Clock::time_point::min();
  ReceiverStats stats;
  std::mt19937 random{std::random_device{}()};
  unsigned tries = 0;    // since it last took something
  unsigned refused = 0;  // reposts
  std::optional<Clock::time_point> leave_by;
  bool idle = false, stopped = false;
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

asio::awaitable<net::Response> send_once(const ReceiverOptions& receiver, std::string payload) {
  const net::HttpClient client({.ca_file = receiver.ca_file, .allow_private = receiver.allow_private});
  std::string body = completed(receiver.kind, std::move(payload), receiver.routing_key, utc_now(), lifetime(Pace{}));
  co_return co_await client.post(url_of(receiver), headers(), std::move(body), receiver.timeout);
}

Alerts::Alerts(asio::any_io_executor executor, std::vector<ReceiverOptions> receivers, AlertsOptions options)
    : executor_(std::move(executor)), options_(std::move(options)) {
  configure(std::move(receivers));
}

Alerts::~Alerts() {
  for (const auto* all : {&receivers_, &leaving_})
    for (const auto& r : *all) {
      r->stopped = true;
      r->timer.cancel();
    }
}

std::shared_ptr<Alerts::Receiver> Alerts::started(ReceiverOptions options) {
  auto receiver = std::make_shared<Receiver>(executor_, std::move(options), options_);
  asio::co_spawn(executor_, Receiver::serve(receiver), asio::detached);
  return receiver;
}

void Alerts::configure(std::vector<ReceiverOptions> receivers) {
  for (const ReceiverOptions& r : receivers)
    if (const std::string why = check_receiver(r); !why.empty()) throw std::invalid_argument(why);
  std::vector<std::shared_ptr<Receiver>> before = std::exchange(receivers_, {});
  for (ReceiverOptions& o : receivers) {
    const auto same = std::find_if(before.begin(), before.end(), [&](const auto& r) {
      return r->options.name == o.name && r->options.kind == o.kind;
    });
    if (same == before.end()) {
      receivers_.push_back(started(std::move(o)));
    } else {
      receivers_.push_back(std::move(*same));
      before.erase(same);
      receivers_.back()->configure(std::move(o));
    }
  }
  std::erase_if(leaving_, [](const auto& r) { return r->left(); });
  for (auto& r : before) {
    r->leave();
    leaving_.push_back(std::move(r));
  }
}

std::vector<Delivery> Alerts::address(const Notice& notice, const Message& message) const {
  std::vector<Delivery> all;
  for (const auto& r : receivers_) {
    if (!wants(r->options.route, notice)) continue;
    try {
      const auto add = [&](const Notice& n) {
        all.push_back({r->options.name, n.id(), n.key, n.edge, message.title,
                       payload(r->options.kind, n, message, r->options.name), n.at});
      };
      add(notice);
      // What was opened there under another key, and turned out to be this, is closed with it.
      if (r->options.kind == ReceiverKind::pagerduty && notice.edge == Notice::Edge::resolved)
        for (const std::string& key : notice.merged) {
          Notice same = notice;
          same.key = key;
          add(same);
        }
    } catch (const std::exception&) {
      ++r->stats.dropped;
      r->say("an alert could not be written down and was dropped");
    }
  }
  return all;
}

void Alerts::send(std::vector<Delivery> deliveries) {
  for (Delivery& d : deliveries) {
    const auto named = [&](const auto& r) { return r->options.name == d.receiver; };
    if (const auto to = std::find_if(receivers_.begin(), receivers_.end(), named); to != receivers_.end()) {
      (*to)->push(std::move(d));
    } else if (options_.settled) {
      if (options_.log)
        options_.log(fmt::format("receiver {}: it is no longer configured: an alert for it was dropped", d.receiver));
      options_.settled(d.receiver, d.id, false);
    }
  }
}

bool Alerts::wants_standing() const {
  return std::any_of(receivers_.begin(), receivers_.end(),
                     [](const auto& r) { return r->options.kind == ReceiverKind::alertmanager; });
}

void Alerts::standing(const std::string& target, const std::vector<std::pair<Notice, Message>>& firing) {
  for (const auto& r : receivers_) {
    if (r->options.kind != ReceiverKind::alertmanager) continue;
    std::vector<std::string> all;
    for (const auto& [notice, message] : firing)
      if (wants(r->options.route, notice)) all.push_back(payload(r->options.kind, notice, message, r->options.name));
    const bool was_empty = r->standing.empty();
    if (all.empty())
      r->standing.erase(target);
    else
      r->standing[target] = std::move(all);
    if (was_empty && !r->standing.empty()) {
      r->next_standing = Clock::now() + r->pace.repost;
      if (r->idle) r->timer.cancel();
    }
  }
}

std::vector<ReceiverStats> Alerts::stats() const {
  std::vector<ReceiverStats> all;
  for (const auto& r : receivers_) {
    all.push_back(r->stats);
    all.back().queued = r->queue.size();
    if (!r->queue.empty())
      all.back().oldest_seconds = std::chrono::duration<double>(Clock::now() - r->queue.oldest()).count();
  }
  return all;
}

asio::awaitable<std::size_t> Alerts::drain(milliseconds limit) {
  const auto left = [this] {
    std::size_t n = 0;
    for (const auto* all : {&receivers_, &leaving_})
      for (const auto& r : *all) n += r->queue.size();
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
