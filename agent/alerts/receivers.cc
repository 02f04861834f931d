#include "agent/alerts/receivers.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stdexcept>

#include "agent/alerts/receiver.h"

namespace pgvigil {
namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

std::string in_words(const net::Response& r) {
  if (r.status == 0) return r.error;
  if (r.status >= 300 && r.status < 400) return fmt::format("answered {}, a redirect, which is not followed", r.status);
  return fmt::format("answered {}", r.status);
}

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
  std::string body = completed(receiver.kind, std::move(payload), receiver.routing_key, wall_now(), lifetime(Pace{}));
  co_return co_await client.post(url_of(receiver), json_headers(), std::move(body), receiver.timeout);
}

Alerts::Alerts(asio::any_io_executor executor, std::vector<ReceiverOptions> receivers, AlertsOptions options)
    : executor_(std::move(executor)), options_(std::move(options)) {
  configure(std::move(receivers));
}

Alerts::~Alerts() {
  for (const auto* all : {&receivers_, &leaving_})
    for (const auto& r : *all) r->stop();
}

std::shared_ptr<Receiver> Alerts::started(ReceiverOptions options) {
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
      return r->options().name == o.name && r->options().kind == o.kind;
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
    if (!wants(r->options().route, notice)) continue;
    try {
      const auto add = [&](const Notice& n) {
        all.push_back({r->options().name, n.id(), n.key, n.edge, message.title,
                       payload(r->options().kind, n, message, r->options().name), n.at});
      };
      add(notice);
      // What was opened there under another key, and turned out to be this, is closed with it.
      if (r->options().kind == ReceiverKind::pagerduty && notice.edge == Notice::Edge::resolved)
        for (const std::string& key : notice.merged) {
          Notice same = notice;
          same.key = key;
          add(same);
        }
    } catch (const std::exception&) {
      r->lost();
      r->say("an alert could not be written down and was dropped");
    }
  }
  return all;
}

void Alerts::send(std::vector<Delivery> deliveries) {
  for (Delivery& d : deliveries) {
    const auto named = [&](const auto& r) { return r->options().name == d.receiver; };
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
                     [](const auto& r) { return r->options().kind == ReceiverKind::alertmanager; });
}

void Alerts::standing(const std::string& target, const std::vector<std::pair<Notice, Message>>& firing) {
  for (const auto& r : receivers_) {
    if (r->options().kind != ReceiverKind::alertmanager) continue;
    std::vector<std::string> all;
    for (const auto& [notice, message] : firing)
      if (wants(r->options().route, notice))
        all.push_back(payload(r->options().kind, notice, message, r->options().name));
    r->stands(target, std::move(all));
  }
}

std::vector<ReceiverStats> Alerts::stats() const {
  std::vector<ReceiverStats> all;
  for (const auto& r : receivers_) all.push_back(r->stats());
  return all;
}

asio::awaitable<std::size_t> Alerts::drain(milliseconds limit) {
  const auto left = [this] {
    std::size_t n = 0;
    for (const auto* all : {&receivers_, &leaving_})
      for (const auto& r : *all) n += r->queued();
    return n;
  };
  const auto until = Clock::now() + limit;
  asio::steady_timer tick(co_await asio::this_coro::executor);
  while (left() > 0 && Clock::now() < until) {
    tick.expires_after(milliseconds(10));
    co_await tick.async_wait(asio::use_awaitable);
  }
  for (const auto& r : receivers_)
    if (r->queued() > 0) r->say(fmt::format("{} alerts stay undelivered", r->queued()));
  co_return left();
}

}  // namespace pgvigil
