#include "agent/net/reach.h"

#include <algorithm>

namespace pgvigil::net {
namespace {

namespace ip = boost::asio::ip;

Reach reach_v4(const ip::address_v4& a) {
  const std::uint32_t n = a.to_uint();
  const auto in = [n](std::uint32_t net, int bits) { return n >> (32 - bits) == net >> (32 - bits); };
  if (in(0x7F000000, 8)) return Reach::loopback;
  if (in(0x00000000, 8) || in(0xA9FE0000, 16) || n >= 0xE0000000 || in(0xC0000000, 24)) return Reach::forbidden;
  if (n == 0x646464C8) return Reach::forbidden;  // 100.100.100.200, a cloud's metadata
  if (n == 0xA83F8110) return Reach::forbidden;  // 168.63.129.16, a cloud's host agent
  if (in(0x0A000000, 8) || in(0xAC100000, 12) || in(0xC0A80000, 16) || in(0x64400000, 10)) return Reach::private_net;
  return Reach::public_net;
}

Reach reach_v6(const ip::address_v6& a) {
  const auto b = a.to_bytes();
  const auto last_v4 = [&] { return ip::address_v4({b[12], b[13], b[14], b[15]}); };
  if (a.is_loopback()) return Reach::loopback;
  if (a.is_v4_mapped()) return reach_v4(last_v4());
  const ip::address_v6::bytes_type nat64{0x00, 0x64, 0xFF, 0x9B};
  if (std::equal(b.begin(), b.begin() + 12, nat64.begin()))
    return reach_v4(last_v4()) == Reach::public_net ? Reach::public_net : Reach::forbidden;
  if (b[0] == 0x20 && b[1] == 0x02) return Reach::forbidden;  // 6to4 hides an IPv4 address
  if (a.is_unspecified() || a.is_multicast() || a.is_link_local() || a.is_site_local()) return Reach::forbidden;
  if (std::all_of(b.begin(), b.begin() + 12, [](auto x) { return x == 0; })) return Reach::forbidden;
  if (b[0] == 0xFD && b[1] == 0x00 && b[2] == 0x0E && b[3] == 0xC2) return Reach::forbidden;  // fd00:ec2::254, metadata
  if ((b[0] & 0xFE) == 0xFC) return Reach::private_net;
  return Reach::public_net;
}

}  // namespace

Reach reach(const ip::address& address) {
  return address.is_v4() ? reach_v4(address.to_v4()) : reach_v6(address.to_v6());
}

std::string refused(const ip::address& address, bool tls, bool allow_private) {
  switch (reach(address)) {
    case Reach::loopback:
      return "";
    case Reach::forbidden:
      return "its address is link-local, metadata or reserved";
    case Reach::private_net:
      if (!tls) break;
      return allow_private ? "" : "its address is private; hint: set allow_private for this receiver";
    case Reach::public_net:
      if (tls) return "";
  }
  return "plain http leads only to this machine; hint: use https";
}

}  // namespace pgvigil::net
