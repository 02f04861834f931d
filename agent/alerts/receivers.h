// Who is told, and how: each receiver has its own queue and its own coroutine, so a slow one delays no other.
// An edge is tried until the receiver takes it, in order within its incident, at most one POST a second; what a
// receiver refuses for good (4xx) is dropped loudly. At least once: a receiver that sees an edge twice finds the same
// key in it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/alerts/kinds.h"
#include "agent/alerts/retry.h"
#include "agent/core/delivery.h"
#include "agent/core/message.h"
#include "agent/core/route.h"
#include "agent/net/http_client.h"

namespace pgvigil {

struct ReceiverOptions {
  std::string name;
  ReceiverKind kind = ReceiverKind::webhook;
  std::string url;               // a secret: never shown. Alertmanager: of one member, without the API's path
  std::string routing_key = {};  // PagerDuty's; a secret
  Route route = {};
  bool allow_private = false;
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

struct AlertsOptions {
  Pace pace = {};
  // An edge that needs to be kept no longer: the receiver took it, or it was given up. On the executor's thread.
  std::function<void(const std::string& receiver, const std::string& id, bool delivered)> settled = {};
  std::function<void(const std::string& line)> log = {};  // one line each, no secrets
};

// One POST now, without a queue: what the receiver answered, in words.
boost::asio::awaitable<net::Response> send_once(const ReceiverOptions& receiver, std::string payload);
std::string in_words(const net::Response& response);

class Receiver;

class Alerts {
 public:
  // Throws std::invalid_argument with check_receiver's line. The executor runs on one thread.
  Alerts(boost::asio::any_io_executor executor, std::vector<ReceiverOptions> receivers, AlertsOptions options = {});
  ~Alerts();  // what is still queued is not sent: drain first
  Alerts(const Alerts&) = delete;
  Alerts& operator=(const Alerts&) = delete;

  // Throws as the constructor does, and has then changed nothing. A receiver of the same name and kind keeps what waits
  // for it; one that is gone delivers what it can within ten minutes.
  void configure(std::vector<ReceiverOptions> receivers);
  // Who wants to hear of it, each in its own shape.
  std::vector<Delivery> address(const Notice& notice, const Message& message) const;
  // Queues them. Never blocks, never throws. On the executor's thread. What goes to an unknown receiver is dropped.
  void send(std::vector<Delivery> deliveries);
  void post(const Notice& notice, const Message& message) { send(address(notice, message)); }
  // What fires on a target now: receivers that forget (Alertmanager) are told again and again.
  void standing(const std::string& target, const std::vector<std::pair<Notice, Message>>& firing);
  bool wants_standing() const;

  std::vector<ReceiverStats> stats() const;
  // Until all queues are empty or the time is over; gives the edges that stayed undelivered, and logs them.
  boost::asio::awaitable<std::size_t> drain(std::chrono::milliseconds limit);

 private:
  std::shared_ptr<Receiver> started(ReceiverOptions options);
  boost::asio::any_io_executor executor_;
  AlertsOptions options_;
  std::vector<std::shared_ptr<Receiver>> receivers_, leaving_;
};

}  // namespace pgvigil
