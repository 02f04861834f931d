#include "agent/net/url.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>

namespace pgvigil::net {
namespace {

bool is_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool good_name(std::string_view host) {
  if (host.empty() || host.size() > 253 || host.front() == '.' || host.front() == '-') return false;
  if (host.find("..") != std::string_view::npos) return false;
  return std::all_of(host.begin(), host.end(), [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_'; });
}

bool starts_with_no_case(std::string_view text, std::string_view lower) {
  return text.size() >= lower.size() && std::equal(lower.begin(), lower.end(), text.begin(), [](char a, char b) {
           return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b + 32) : b);
         });
}

}  // namespace

std::string Url::host_header() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (tls ? 443 : 80) ? name : name + ":" + std::to_string(port);
}

std::optional<Url> parse_url(std::string_view text, std::string& why) {
  const auto refuse = [&](const char* reason) {
    why = reason;
    return std::nullopt;
  };
  if (text.size() > 4096) return refuse("the URL is longer than 4096 bytes");
  if (!std::all_of(text.begin(), text.end(),
                   [](char c) { return c > 0x20 && c < 0x7F && c != '"' && c != '<' && c != '>' && c != '\\'; }))
    return refuse("the URL holds a blank, a quote or a character that is not ASCII");
  Url url;
  if (starts_with_no_case(text, "https://"))
    text.remove_prefix(8);
  else if (starts_with_no_case(text, "http://"))
    url.tls = false, url.port = 80, text.remove_prefix(7);
  else
    return refuse("the URL does not begin with https:// or http://");
  if (text.find('#') != std::string_view::npos) return refuse("the URL has a fragment (#)");

  const std::size_t end = std::min(text.find_first_of("/?"), text.size());
  std::string_view authority = text.substr(0, end);
  url.target = std::string(text.substr(end));
  if (url.target.empty() || url.target.front() != '/') url.target.insert(0, "/");
  if (authority.find('@') != std::string_view::npos) return refuse("the URL holds a user or password before its host");

  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return refuse("the URL's IPv6 address has no closing bracket");
    url.host = std::string(authority.substr(1, close - 1));
    boost::system::error_code ec;
    boost::asio::ip::make_address_v6(url.host, ec);
    if (ec) return refuse("the URL's host is no IPv6 address");
    port = authority.substr(close + 1);
    if (!port.empty() && port.front() != ':') return refuse("the URL's host is not followed by a port or a path");
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    url.host = std::string(authority.substr(0, colon));
    port = authority.substr(colon);
    if (!good_name(url.host)) return refuse("the URL's host is no host name");
  }
  if (!port.empty()) {
    port.remove_prefix(1);
    const auto [stop, ec] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (port.empty() || ec != std::errc() || stop != port.data() + port.size() || url.port == 0)
      return refuse("the URL's port is not between 1 and 65535");
  }
  return url;
}

bool names_loopback(std::string_view host) {
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  boost::system::error_code ec;
  const auto address = boost::asio::ip::make_address(host, ec);
  return !ec && address.is_loopback();
}

}  // namespace pgvigil::net
