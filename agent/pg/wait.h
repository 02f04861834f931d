// Waiting on the event loop: for a socket with a deadline, and for one's turn. One thread per executor.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <utility>

namespace pgvigil::pg {

using Clock = std::chrono::steady_clock;

// Readiness of a socket that somebody else owns: holds a duplicate of the descriptor, so that libpq may close
// or replace its own at any time.
class Waiter {
 public:
  Waiter(boost::asio::any_io_executor executor, int socket);
  ~Waiter();
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // True when readable (or writable, where asked); false when the deadline passed first, or nothing can be waited for.
  boost::asio::awaitable<bool> ready(bool read, bool write, Clock::time_point deadline);
  void give_up();          // ends the wait under way and every later one, as if its deadline had passed
  int descriptor() const;  // -1 when there is none: no socket, or no descriptor left in this process

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// A door for one coroutine at a time, in the order they came.
class Turnstile {
 public:
  explicit Turnstile(boost::asio::any_io_executor executor);
  ~Turnstile();

  class Pass {
   public:
    explicit Pass(Turnstile* door) : door_(door) {}
    Pass(Pass&& other) noexcept : door_(std::exchange(other.door_, nullptr)) {}
    Pass& operator=(Pass&&) = delete;
    ~Pass() {
      if (door_ != nullptr) door_->leave();
    }

   private:
    Turnstile* door_;
  };
  boost::asio::awaitable<Pass> enter();
  bool busy() const;

 private:
  void leave();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pgvigil::pg
