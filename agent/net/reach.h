// Which addresses an outgoing connection may lead to; asked of the resolved address, at connect.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <string>

namespace pgvigil::net {

enum class Reach : std::uint8_t {
  loopback,
  public_net,
  private_net,  // RFC 1918, RFC 6598, fc00::/7
  forbidden,    // link-local, cloud metadata, multicast, unspecified, reserved
};
Reach reach(const boost::asio::ip::address& address);

// "" when allowed, else why not, naming no more than the kind of address. Plain HTTP leads only to this machine.
std::string refused(const boost::asio::ip::address& address, bool tls, bool allow_private);

}  // namespace pgvigil::net
