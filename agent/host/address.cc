#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <cstring>
#include <memory>
#include <string>

#include "agent/host/cpu.h"

namespace pgvigil {

bool is_local_address(std::string_view address) {
  if (address.empty()) return true;
  const std::string text(address);
  in_addr v4{};
  in6_addr v6{};
  const bool is4 = inet_pton(AF_INET, text.c_str(), &v4) == 1;
  if (!is4 && inet_pton(AF_INET6, text.c_str(), &v6) != 1) return false;
  if (is4 ? (ntohl(v4.s_addr) >> 24) == 127 : IN6_IS_ADDR_LOOPBACK(&v6)) return true;
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return false;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> all(first, freeifaddrs);
  for (const ifaddrs* i = first; i != nullptr; i = i->ifa_next) {
    if (i->ifa_addr == nullptr) continue;
    if (is4 && i->ifa_addr->sa_family == AF_INET) {
      sockaddr_in own{};
      std::memcpy(&own, i->ifa_addr, sizeof own);
      if (own.sin_addr.s_addr == v4.s_addr) return true;
    } else if (!is4 && i->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 own{};
      std::memcpy(&own, i->ifa_addr, sizeof own);
      if (std::memcmp(&own.sin6_addr, &v6, sizeof v6) == 0) return true;
    }
  }
  return false;
}

}  // namespace pgvigil
