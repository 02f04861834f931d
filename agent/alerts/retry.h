// When to try again.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace pgvigil {

using std::chrono::milliseconds;

// How a receiver is served. The defaults are the product's; tests make them shorter.
struct Pace {
  milliseconds gap{1000};          // between two POSTs to one receiver
  milliseconds first_retry{1000};  // then doubled, each with jitter
  milliseconds longest_retry{60'000};
  milliseconds longest_wait{600'000};  // of Retry-After, whatever it asks
  milliseconds keep{24 * 3'600'000};   // an edge that could not be delivered for so long is dropped
  std::size_t queue = 1000;            // edges waiting for one receiver
  std::size_t storm = 20;              // more of them are sent as one message
  milliseconds repost{60'000};         // to receivers that forget; what is not told again for four of them is over
};

// The wait before try `attempt` (1 is the first retry); `random` in 0..1 spreads it over half to all of the step.
milliseconds backoff(const Pace& pace, unsigned attempt, double random);

// Retry-After in seconds or as a date in any of HTTP's three forms; none when it is neither. Not negative, not capped.
std::optional<milliseconds> retry_after(std::string_view header, std::chrono::system_clock::time_point now);

}  // namespace pgvigil
