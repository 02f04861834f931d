#include "agent/alerts/heartbeat.h"

#include <fmt/format.h>

#include <bit>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "agent/alerts/receivers.h"

namespace pgvigil {
namespace asio = boost::asio;

struct Heartbeat::Impl {
  Impl(const asio::any_io_executor& executor, HeartbeatOptions o)
      : options(std::move(o)), timer(executor), client({options.ca_file, options.allow_private}) {
    std::string why;
    url = net::parse_url(options.url, why).value();
  }

  static asio::awaitable<void> beat(std::shared_ptr<Impl> self) {
    while (!self->stopped) {
      if (std::exchange(self->progress, false)) {
        self->beaten = true;
        net::Headers headers;  // GCC 12 cannot build them within a co_await
        headers.emplace_back("Content-Type", "application/json");
        const net::Response r = co_await self->client.post(self->url, std::move(headers), "{}",
                                                           std::min(self->options.interval, milliseconds(10'000)));
        if (r.ok()) {
          self->failures = 0;
        } else if (std::has_single_bit(++self->failures) && self->options.log && !self->stopped) {
          self->options.log(fmt::format("heartbeat: {}: {}", self->url.host, in_words(r)));
        }
      }
      if (self->stopped) co_return;
      boost::system::error_code ignored;
      self->timer.expires_after(self->options.interval);
      co_await self->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }

  HeartbeatOptions options;
  net::Url url;
  asio::steady_timer timer;
  net::HttpClient client;
  bool progress = false, beaten = false, stopped = false;
  unsigned failures = 0;
};

Heartbeat::Heartbeat(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Heartbeat::~Heartbeat() { stop(); }

std::shared_ptr<Heartbeat> Heartbeat::start(asio::any_io_executor executor, HeartbeatOptions options) {
  if (const std::string why = check_receiver({.name = "heartbeat", .url = options.url}); !why.empty())
    throw std::invalid_argument(why);
  const auto impl = std::make_shared<Impl>(executor, std::move(options));
  asio::co_spawn(executor, Impl::beat(impl), asio::detached);
  return std::shared_ptr<Heartbeat>(new Heartbeat(impl));
}

void Heartbeat::alive() {
  impl_->progress = true;
  if (!impl_->beaten) impl_->timer.cancel();  // the first sign of life does not wait for its interval
}

void Heartbeat::stop() {
  impl_->stopped = true;
  impl_->timer.cancel();
}

}  // namespace pgvigil
