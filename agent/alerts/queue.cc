#include "agent/alerts/queue.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace pgvigil {

void DeliveryQueue::push(Waiting waiting) {
  while (!waiting_.empty() && size() >= std::max<std::size_t>(most_, 1)) {
    auto out = std::find_if(waiting_.begin(), waiting_.end(),
                            [](const Waiting& w) { return w.delivery.edge == Notice::Edge::resolved; });
    if (out == waiting_.end()) out = waiting_.begin();
    dropped_(out->delivery);
    waiting_.erase(out);
  }
  waiting_.push_back(std::move(waiting));
}

const std::vector<DeliveryQueue::Waiting>& DeliveryQueue::take(std::size_t most, bool apart) {
  std::set<std::string, std::less<>> keys;
  for (auto it = waiting_.begin(); it != waiting_.end() && flying_.size() < most;) {
    if (keys.insert(it->delivery.key).second || !apart) {
      flying_.push_back(std::move(*it));
      it = waiting_.erase(it);
    } else {
      ++it;
    }
  }
  return flying_;
}

void DeliveryQueue::put_back(bool behind) {
  const auto return_to = [&](std::deque<Waiting>::iterator place) {
    waiting_.insert(place, std::make_move_iterator(flying_.begin()), std::make_move_iterator(flying_.end()));
    flying_.clear();
  };
  if (!behind) return return_to(waiting_.begin());
  std::set<std::string, std::less<>> keys;
  for (const Waiting& w : flying_) keys.insert(w.delivery.key);
  return_to(std::stable_partition(waiting_.begin(), waiting_.end(),
                                  [&](const Waiting& w) { return !keys.contains(w.delivery.key); }));
}

std::vector<Delivery> DeliveryQueue::expire(Clock::time_point before) {
  std::vector<Delivery> gone;
  std::erase_if(waiting_, [&](Waiting& w) {
    if (w.since >= before) return false;
    gone.push_back(std::move(w.delivery));
    return true;
  });
  return gone;
}

DeliveryQueue::Clock::time_point DeliveryQueue::oldest() const {
  auto first = Clock::time_point::max();
  for (const Waiting& w : flying_) first = std::min(first, w.since);
  for (const Waiting& w : waiting_) first = std::min(first, w.since);
  return first;
}

}  // namespace pgvigil
