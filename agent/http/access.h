// Who may read: the address we listen on, the Host that a browser names, the token and the cookie of a login.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgvigil {

std::string unescape_form(std::string_view s);  // of application/x-www-form-urlencoded
bool is_loopback(std::string_view address);     // an IP address in text

// Against DNS rebinding: a foreign name that resolves to us is not ours. `host`: the header, with or without a port.
// extra: names the operator allows (of external_url).
bool is_own_host(std::string_view host, std::string_view bound_address, const std::vector<std::string>& extra);

// Takes the same time wherever the texts differ. An empty secret equals nothing.
bool same_secret(std::string_view given, std::string_view secret);

class Access {
 public:
  explicit Access(std::string token);
  bool open() const { return token_.empty(); }
  // authorization, cookie: the headers' values, "" when absent.
  bool allows(std::string_view authorization, std::string_view cookie) const;
  bool logs_in(std::string_view form_body) const;  // application/x-www-form-urlencoded, field "token"
  std::string set_cookie() const;                  // the header's value; good until the process ends

 private:
  std::string token_;
  std::string session_;
};

}  // namespace pgvigil
