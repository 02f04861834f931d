#include "agent/settings/conninfo.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <memory>

namespace pgvigil {
namespace {

constexpr std::string_view mask = "********";

bool is_secret(const std::string& keyword) { return keyword == "password" || keyword == "sslpassword"; }

bool is_database_name(const std::string& s) {
  return !s.empty() && s.find('=') == std::string::npos && s.find("://") == std::string::npos;
}

}  // namespace

std::optional<ConninfoValues> parse_conninfo(const std::string& conninfo) {
  if (conninfo.find('\0') != std::string::npos) return std::nullopt;
  if (is_database_name(conninfo)) return ConninfoValues{{"dbname", conninfo}};
  char* why = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> all(PQconninfoParse(conninfo.c_str(), &why),
                                                                           &PQconninfoFree);
  if (why != nullptr) PQfreemem(why);
  if (!all) return std::nullopt;
  ConninfoValues values;
  for (const PQconninfoOption* o = all.get(); o->keyword != nullptr; ++o)
    if (o->val != nullptr) values[o->keyword] = o->val;
  return values;
}

std::string format_conninfo(const ConninfoValues& values) {
  std::string out;
  for (const auto& [keyword, value] : values) {
    if (!out.empty()) out += ' ';
    out += keyword + "='";
    for (const char c : value) {
      if (c == '\'' || c == '\\') out += '\\';
      out += c;
    }
    out += '\'';
  }
  return out;
}

std::string conninfo_with(const std::string& base, const ConninfoValues& over) {
  auto values = parse_conninfo(base);
  if (!values) return base;
  for (const auto& [keyword, value] : over) (*values)[keyword] = value;
  return format_conninfo(*values);
}

std::string mask_conninfo(const std::string& conninfo) {
  auto values = parse_conninfo(conninfo);
  if (!values) return std::string(mask);
  for (auto& [keyword, value] : *values)
    if (is_secret(keyword)) value = mask;
  return format_conninfo(*values);
}

std::vector<std::string> conninfo_secrets(const std::string& conninfo) {
  std::vector<std::string> all;
  if (const auto values = parse_conninfo(conninfo)) {
    for (const auto& [keyword, value] : *values)
      if (is_secret(keyword)) all.push_back(value);
  } else {
    all.push_back(conninfo);
  }
  return all;
}

std::string conninfo_name(const std::string& conninfo,
                          const std::function<std::optional<std::string>(const std::string&)>& environment) {
  const auto values = parse_conninfo(conninfo).value_or(ConninfoValues{});
  const auto value = [&](const char* keyword, const char* variable) {
    if (const auto it = values.find(keyword); it != values.end()) return it->second;
    return (environment ? environment(variable) : std::nullopt).value_or("");
  };
  if (const auto it = values.find("service"); it != values.end() && !values.contains("host")) return it->second;
  std::string host = value("host", "PGHOST");
  if (host.empty()) host = value("hostaddr", "PGHOSTADDR");
  const std::string port = value("port", "PGPORT");
  if (host.empty() || host.front() == '/' || host.front() == '@') host = "local";
  return port.empty() || port == "5432" ? host : host + ":" + port;
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace pgvigil
