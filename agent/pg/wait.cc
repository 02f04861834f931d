#include "agent/pg/wait.h"

#include <poll.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>

namespace pgvigil::pg {

namespace asio = boost::asio;
using boost::system::error_code;

struct Waiter::State {
  State(asio::any_io_executor executor, int fd) : socket(executor), timer(executor) {
    error_code failed;
    if (fd >= 0) socket.assign(fd, failed);
    if (failed) ::close(fd);
  }
  asio::posix::stream_descriptor socket;
  asio::steady_timer timer;  // what the coroutine sleeps on; readiness ends the sleep
  std::uint64_t turn = 0;    // handlers of an earlier wait find it changed
  bool ready = false;
  bool given_up = false;
};

Waiter::Waiter(asio::any_io_executor executor, int socket)
    : state_(std::make_shared<State>(std::move(executor), socket < 0 ? -1 : ::dup(socket))) {}

Waiter::~Waiter() {
  ++state_->turn;
  error_code ignored;
  state_->socket.close(ignored);
}

void Waiter::give_up() {
  state_->given_up = true;
  state_->timer.cancel();
}

int Waiter::descriptor() const { return state_->socket.is_open() ? state_->socket.native_handle() : -1; }

asio::awaitable<bool> Waiter::ready(bool read, bool write, Clock::time_point deadline) {
  const auto state = state_;
  if (!state->socket.is_open() || state->given_up) co_return false;
  const std::uint64_t turn = ++state->turn;
  state->ready = false;
  state->timer.expires_at(deadline);
  const auto wake = [state, turn](error_code) {
    if (state->turn != turn || state->ready) return;
    state->ready = true;
    state->timer.cancel();
  };
  if (read) state->socket.async_wait(asio::posix::stream_descriptor::wait_read, wake);
  if (write) state->socket.async_wait(asio::posix::stream_descriptor::wait_write, wake);
  error_code ignored;
  co_await state->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  ++state->turn;
  state->socket.cancel(ignored);
  if (state->given_up) co_return false;
  if (!state->ready &&
      state->socket.is_open()) {  // late ourselves (a busy loop, a stopped process)? what is there counts
    pollfd now{state->socket.native_handle(), static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0)), 0};
    state->ready = ::poll(&now, 1, 0) > 0;
  }
  co_return state->ready;
}

struct Turnstile::State {
  asio::any_io_executor executor;
  bool busy = false;
  std::deque<std::shared_ptr<asio::steady_timer>> queue;
};

Turnstile::Turnstile(asio::any_io_executor executor) : state_(std::make_unique<State>()) {
  state_->executor = std::move(executor);
}
Turnstile::~Turnstile() = default;

asio::awaitable<Turnstile::Pass> Turnstile::enter() {
  if (state_->busy) {
    const auto turn = std::make_shared<asio::steady_timer>(state_->executor, Clock::time_point::max());
    state_->queue.push_back(turn);
    error_code ignored;
    co_await turn->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  state_->busy = true;
  co_return Pass(this);
}

bool Turnstile::busy() const { return state_->busy; }

void Turnstile::leave() {
  if (state_->queue.empty()) {
    state_->busy = false;
    return;
  }
  const auto next = state_->queue.front();  // the door stays busy: it is handed over
  state_->queue.pop_front();
  next->cancel();
}

}  // namespace pgvigil::pg
