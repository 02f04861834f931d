#include "agent/net/resolve.h"

#include <netdb.h>
#include <netinet/in.h>

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

namespace pgvigil::net {
namespace {

namespace asio = boost::asio;

constexpr int most_lookups = 32;  // threads at a time; a name server that is down makes them last
std::atomic<int> lookups{0};

// What the thread and the coroutine share. Whoever comes second finds the other gone.
struct Lookup {
  std::mutex mutex;
  asio::steady_timer* waiter = nullptr;  // null once the coroutine has left; only touched under the mutex
  asio::any_io_executor executor;
  bool done = false;
  Resolved result;
};

Resolved look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  Resolved r;
  if (const int code = getaddrinfo(host.c_str(), nullptr, &hints, &found); code != 0) {
    r.error = std::string("cannot resolve the name: ") + gai_strerror(code);
    return r;
  }
  for (const addrinfo* a = found; a != nullptr && r.addresses.size() < 16; a = a->ai_next) {
    if (a->ai_family == AF_INET) {
      sockaddr_in v4{};
      std::memcpy(&v4, a->ai_addr, sizeof v4);
      r.addresses.emplace_back(asio::ip::address_v4(ntohl(v4.sin_addr.s_addr)));
    } else if (a->ai_family == AF_INET6) {
      sockaddr_in6 v6{};
      std::memcpy(&v6, a->ai_addr, sizeof v6);
      asio::ip::address_v6::bytes_type bytes;
      std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
      r.addresses.emplace_back(asio::ip::address_v6(bytes, v6.sin6_scope_id));
    }
  }
  freeaddrinfo(found);
  if (r.addresses.empty()) r.error = "the name has no address";
  return r;
}

void run_lookup(const std::shared_ptr<Lookup>& shared, const std::string& host) {
  Resolved result = look_up(host);
  --lookups;
  const std::lock_guard lock(shared->mutex);
  shared->result = std::move(result);
  shared->done = true;
  if (shared->waiter == nullptr) return;  // its loop may be gone by now
  asio::post(shared->executor, [shared] {
    const std::lock_guard again(shared->mutex);
    if (shared->waiter != nullptr) shared->waiter->expires_at(asio::steady_timer::time_point::min());
  });
}

}  // namespace

asio::awaitable<Resolved> resolve(std::string host, std::chrono::steady_clock::time_point deadline) {
  boost::system::error_code ec;
  const auto address = asio::ip::make_address(host, ec);
  Resolved result;
  if (!ec) {
    result.addresses.push_back(address);
    co_return result;
  }
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer waiter(executor, deadline);
  const auto shared = std::make_shared<Lookup>();
  shared->waiter = &waiter;
  shared->executor = executor;
  struct Leave {
    std::shared_ptr<Lookup> shared;
    ~Leave() {
      const std::lock_guard lock(shared->mutex);
      shared->waiter = nullptr;
      shared->executor = {};
    }
  } const leave{shared};

  if (++lookups > most_lookups) {
    --lookups;
    result.error = "cannot resolve the name: too many look-ups are under way";
    co_return result;
  }
  try {
    std::thread([shared, host] { run_lookup(shared, host); }).detach();
  } catch (const std::system_error&) {
    --lookups;
    result.error = "cannot resolve the name: no thread for it";
    co_return result;
  }
  co_await waiter.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  const std::lock_guard lock(shared->mutex);
  if (shared->done) co_return std::move(shared->result);
  result.error = "cannot resolve the name in time";
  co_return result;
}

}  // namespace pgvigil::net
