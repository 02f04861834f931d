// Names to addresses without holding up the loop: getaddrinfo blocks and cannot be cancelled, and Asio's resolver
// queues all look-ups behind one thread, where a dead name server of one receiver would delay every other.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <string>
#include <vector>

namespace pgvigil::net {

struct Resolved {
  std::vector<boost::asio::ip::address> addresses;
  std::string error;  // "" when there are addresses
};

// An address is taken as it is. Gives up at the deadline; the look-up's thread then ends by itself, unheard.
boost::asio::awaitable<Resolved> resolve(std::string host, std::chrono::steady_clock::time_point deadline);

}  // namespace pgvigil::net
