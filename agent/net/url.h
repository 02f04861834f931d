// A strict http(s) URL, and which addresses it may lead to. The path of a webhook is a secret: nothing here, and no
// error, repeats more of a URL than its host.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgvigil::net {

struct Url {
  bool tls = true;
  std::string host;  // a name or an address; IPv6 without brackets
  std::uint16_t port = 443;
  std::string target;  // path and query, at least "/"; a secret
  std::string host_header() const;
};

// None when it is no http or https URL of visible ASCII, has a user, a password or a fragment, a bad host or port, or
// is longer than 4096 bytes; `why` then says so in words that show nothing of it.
std::optional<Url> parse_url(std::string_view text, std::string& why);

// Is this name or address this very machine, as far as it can be told without looking it up?
bool names_loopback(std::string_view host);

}  // namespace pgvigil::net
