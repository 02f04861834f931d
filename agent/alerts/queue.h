// What waits for one receiver. In order; edges of one incident never pass one another, but one that a receiver does not
// take does not stand in the way of the others. No I/O.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "agent/core/delivery.h"

namespace pgvigil {

class DeliveryQueue {
 public:
  using Clock = std::chrono::steady_clock;
  struct Waiting {
    Delivery delivery;
    Clock::time_point since;
  };
  using Dropped = std::function<void(const Delivery&)>;

  // `most` waiting, the ones in flight among them; then the oldest resolved one goes, else the oldest.
  DeliveryQueue(std::size_t most, Dropped dropped) : most_(most), dropped_(std::move(dropped)) {}

  void push(Waiting waiting);
  // The next up to `most` to send in one body, `apart` at most one of each incident; they are in flight until one of
  // the two below.
  const std::vector<Waiting>& take(std::size_t most, bool apart);
  void settle() { flying_.clear(); }  // taken, or given up
  // Not taken: where they were, or behind all others; before what follows of the same incidents.
  void put_back(bool behind);

  std::vector<Delivery> expire(Clock::time_point before);  // gives what has been waiting since before that

  std::size_t size() const { return waiting_.size() + flying_.size(); }
  bool empty() const { return size() == 0; }
  std::size_t waiting() const { return waiting_.size(); }
  const std::vector<Waiting>& in_flight() const { return flying_; }
  Clock::time_point oldest() const;  // of a queue that is not empty

 private:
  std::size_t most_;
  Dropped dropped_;
  std::deque<Waiting> waiting_;
  std::vector<Waiting> flying_;
};

}  // namespace pgvigil
