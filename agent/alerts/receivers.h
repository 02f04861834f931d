// Who is told, and how: each receiver has its own queue and its own coroutine, so a slow one delays no other.
// An edge is tried until the receiver takes it, in order, at most one POST a second; what a receiver refuses for good
// (4xx) is dropped loudly. At least once: a receiver that sees an edge twice finds the same key in it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/alerts/retry.h"
#include "agent/core/message.h"

namespace pgvigil {

struct ReceiverOptions {
  enum class Kind : std::uint8_t { slack, webhook };
  std::string name;
  Kind kind = Kind::webhook;
  std::string url;  // a secret: never shown
  bool allow_private = false;
  bool send_resolved = true;
  std::chrono::milliseconds timeout{10'000};  // of one POST, all of it
  std::string ca_file = {};                   // trusted beside the system's authorities
};

// "" when the receiver can be used, else one line that says why not, with a hint and without the URL.
std::string check_receiver(const ReceiverOptions& options);

struct ReceiverStats {
  std::string name;
  std::uint64_t sent = 0;     // taken by the receiver
  std::uint64_t failed = 0;   // POSTs that did not succeed, retried or not
  std::uint64_t dropped = 0;  // edges given up: refused for good, too old, or pushed out of a full queue
  std::size_t queued = 0;
  double oldest_seconds = 0;  // how long the oldest edge has been waiting
  std::string last_error = {};
};

// Where a durable outbox stands: it keeps each edge before its first POST, and lets go of it when the receiver took it
// or it was given up. Called on the executor's thread; `keep` returns once the edge is safe, or as safe as it gets.
class Outbox {
 public:
  virtual ~Outbox() = default;
  virtual void keep(const std::string& receiver, const Notice& notice, const std::string& payload) = 0;
  virtual void settled(const std::string& receiver, const std::string& key, Notice::Edge edge, bool delivered) = 0;
};

struct AlertsOptions {
  Pace pace = {};
  Outbox* outbox = nullptr;                               // null: edges live in memory only; else outlives the Alerts
  std::function<void(const std::string& line)> log = {};  // one line each, no secrets
};

class Alerts {
 public:
  // Throws std::invalid_argument with check_receiver's line. The executor runs on one thread.
  Alerts(boost::asio::any_io_executor executor, std::vector<ReceiverOptions> receivers, AlertsOptions options = {});
  ~Alerts();  // what is still queued is lost: drain first
  Alerts(const Alerts&) = delete;
  Alerts& operator=(const Alerts&) = delete;

  // Never blocks, never throws. On the executor's thread. A full queue drops its oldest resolved edge, else its oldest.
  void post(const Notice& notice, const Message& message);
  std::vector<ReceiverStats> stats() const;
  // Until all queues are empty or the time is over; gives the edges that stayed undelivered, and logs them.
  boost::asio::awaitable<std::size_t> drain(std::chrono::milliseconds limit);

 private:
  struct Receiver;
  std::vector<std::shared_ptr<Receiver>> receivers_;
};

}  // namespace pgvigil
