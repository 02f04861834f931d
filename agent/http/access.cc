#include "agent/http/access.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <optional>
#include <random>

namespace pgvigil {
namespace {

constexpr std::string_view cookie_name = "pgvigil_session";

std::string lower(std::string_view s) {
  std::string out(s);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

// "[::1]:9717" and "localhost:9717" without the port and the brackets; "" when malformed.
std::string host_name(std::string_view host) {
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    if (end == std::string_view::npos) return {};
    const auto rest = host.substr(end + 1);
    return rest.empty() || rest.starts_with(':') ? lower(host.substr(1, end - 1)) : std::string();
  }
  const auto colon = host.find(':');
  if (colon != host.rfind(':')) return {};
  return lower(host.substr(0, colon));
}

std::string random_hex() {
  std::random_device entropy;  // the kernel's
  std::string out;
  for (int i = 0; i < 8; ++i) out += fmt::format("{:08x}", entropy());
  return out;
}

}  // namespace

std::string unescape_form(std::string_view s) {
  std::string out;
  for (std::size_t i = 0; i < s.size(); ++i) {
    unsigned char byte = 0;
    if (s[i] == '+')
      out.push_back(' ');
    else if (s[i] == '%' && i + 2 < s.size() &&
             std::from_chars(s.data() + i + 1, s.data() + i + 3, byte, 16).ptr == s.data() + i + 3) {
      out.push_back(static_cast<char>(byte));
      i += 2;
    } else
      out.push_back(s[i]);
  }
  return out;
}

bool is_loopback(std::string_view address) {
  boost::system::error_code ec;
  const auto a = boost::asio::ip::make_address(std::string(address), ec);
  return !ec && a.is_loopback();
}

bool is_own_host(std::string_view host, std::string_view bound_address, const std::vector<std::string>& extra) {
  const std::string name = host_name(host);
  if (name.empty()) return false;
  if (name == "localhost" || name == lower(bound_address) || is_loopback(name)) return true;
  return std::any_of(extra.begin(), extra.end(), [&](const std::string& e) { return lower(e) == name; });
}

bool same_secret(std::string_view given, std::string_view secret) {
  unsigned difference = secret.empty() || given.size() != secret.size() ? 1U : 0U;
  volatile unsigned sum = difference;
  for (std::size_t i = 0; i < given.size() && !secret.empty(); ++i)
    sum = sum | static_cast<unsigned>(static_cast<unsigned char>(given[i]) ^
                                      static_cast<unsigned char>(secret[i % secret.size()]));
  return sum == 0;
}

Access::Access(std::string token) : token_(std::move(token)), session_(random_hex()) {}

bool Access::allows(std::string_view authorization, std::string_view cookie) const {
  if (open()) return true;
  constexpr std::string_view bearer = "bearer ";
  if (authorization.size() > bearer.size() && lower(authorization.substr(0, bearer.size())) == bearer &&
      same_secret(authorization.substr(bearer.size()), token_))
    return true;
  while (!cookie.empty()) {
    const auto end = std::min(cookie.find(';'), cookie.size());
    std::string_view pair = cookie.substr(0, end);
    cookie.remove_prefix(std::min(end + 1, cookie.size()));
    pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == cookie_name &&
        same_secret(pair.substr(equals + 1), session_))
      return true;
  }
  return false;
}

bool Access::logs_in(std::string_view body) const {
  while (!body.empty()) {
    const auto end = std::min(body.find('&'), body.size());
    const std::string_view field = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    if (field.starts_with("token=")) return same_secret(unescape_form(field.substr(6)), token_);
  }
  return false;
}

std::string Access::set_cookie() const {
  return fmt::format("{}={}; HttpOnly; SameSite=Strict; Path=/", cookie_name, session_);
}

}  // namespace pgvigil
