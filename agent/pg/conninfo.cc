#include "agent/pg/conninfo.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <memory>

namespace pgvigil {
namespace {

using Options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

// An sslmode that does not exist: libpq reads the environment, the service file and the defaults, then stops
// at it, before it opens a socket or resolves a name.
constexpr const char* kDryRun = "pgvigil-dry-run";

ConnectError bad(std::string message, std::string hint = {}) {
  if (hint.empty())
    hint =
        "write postgresql://user@host:port/dbname or \"host=... port=... dbname=... user=...\"; in a URI "
        "percent-encode special characters of the password, or keep it in ~/.pgpass";
  return {ConnectError::Kind::bad_conninfo, {}, "bad connection string: " + std::move(message), std::move(hint)};
}

// libpq quotes the offending piece, which may be the password: all between the first and the last quote goes,
// unless what is quoted is no more than an option's name.
std::string hide_quoted(std::string text) {
  const auto first = text.find('"');
  const auto last = text.rfind('"');
  if (first == std::string::npos || last == first) return text;
  const std::string quoted = text.substr(first + 1, last - first - 1);
  const Options known(PQconndefaults(), &PQconninfoFree);
  for (const PQconninfoOption* o = known.get(); o != nullptr && o->keyword != nullptr; ++o)
    if (quoted == o->keyword) return text;
  return text.substr(0, first) + "(hidden)" + text.substr(last + 1);
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> all(1);
  for (char c : list)
    if (c == ',')
      all.emplace_back();
    else
      all.back() += c;
  return all;
}

bool is_uri(const std::string& text) { return text.starts_with("postgres://") || text.starts_with("postgresql://"); }

// A password with a bare "/", "?" or "@" ends up in the host or the database name, and from there in messages.
bool has_stray_at(const std::string& text) {
  const auto start = text.find("://") + 3;
  const auto end = std::min(text.find_first_of("/?#", start), text.size());
  const auto authority = text.substr(start, end - start);
  const auto path = text.substr(end);
  return std::count(authority.begin(), authority.end(), '@') > 1 ||
         (authority.find('@') == std::string::npos && authority.find(':') != std::string::npos &&
          path.find('@') != std::string::npos);
}

bool valid_port(const std::string& port) {
  return port.empty() || (port.size() <= 5 && port.find_first_not_of("0123456789") == std::string::npos &&
                          std::stoi(port) >= 1 && std::stoi(port) <= 65535);
}

}  // namespace

boost::system::result<Conninfo, ConnectError> Conninfo::parse(const std::string& text) {
  if (text.find('\0') != std::string::npos) return bad("it holds a zero byte");
  if (is_uri(text) && has_stray_at(text))
    return bad("there is a bare \"@\", \"/\", \"?\" or \"#\" in the user or the password",
               "percent-encode them: @ is %40, / is %2F, ? is %3F, # is %23; or keep the password in ~/.pgpass");
  char* message = nullptr;
  const Options given(PQconninfoParse(text.c_str(), &message), &PQconninfoFree);
  if (!given) {
    const std::string why = message == nullptr ? "out of memory" : hide_quoted(pg::one_line(message));
    PQfreemem(message);
    return bad(why);
  }
  Conninfo info;
  for (const PQconninfoOption* o = given.get(); o->keyword != nullptr; ++o)
    if (o->val != nullptr) info.parameters_.emplace_back(o->keyword, o->val);

  std::vector<const char*> keys, values;
  for (const auto& [key, value] : info.parameters_) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  keys.insert(keys.end(), {"sslmode", nullptr});
  values.insert(values.end(), {kDryRun, nullptr});
  const std::unique_ptr<PGconn, decltype(&PQfinish)> dry(PQconnectStartParams(keys.data(), values.data(), 0),
                                                         &PQfinish);
  const std::string said = dry ? PQerrorMessage(dry.get()) : "out of memory";
  if (said.find(kDryRun) == std::string::npos) return bad(hide_quoted(info.without_secrets(pg::one_line(said))));
  const Options all(PQconninfo(dry.get()), &PQconninfoFree);
  for (const PQconninfoOption* o = all.get(); o != nullptr && o->keyword != nullptr; ++o) {
    const std::string_view key = o->keyword;
    const char* value = o->val == nullptr ? "" : o->val;
    if (key == "host") info.host_ = value;
    if (key == "hostaddr") info.hostaddr_ = value;
    if (key == "port") info.port_ = value;
    if (key == "dbname") info.dbname_ = value;
    if (key == "user") info.user_ = value;
    if (key == "target_session_attrs") info.session_attributes_ = value;
  }
  if (info.host_.empty() && info.hostaddr_.empty()) {
    const char* socket_directory = PQhost(dry.get());
    info.host_ = socket_directory == nullptr || *socket_directory == 0 ? "/var/run/postgresql" : socket_directory;
  }
  for (const std::string& port : split(info.port_))
    if (!valid_port(port)) return bad("the port is not a number between 1 and 65535");
  const auto ports = split(info.port_).size();
  const auto hosts = split(info.hostaddr_.empty() ? info.host_ : info.hostaddr_).size();
  if (ports != 1 && ports != hosts) return bad("there are not as many ports as hosts");
  if (!info.hostaddr_.empty() && !info.host_.empty() && split(info.host_).size() != hosts)
    return bad("there are not as many addresses as hosts");
  return info;
}

std::string Conninfo::display() const {
  const std::string& where = host_.empty() ? hostaddr_ : host_;
  return pg::one_line(fmt::format("{}@{}:{}/{}", user_, where, port_.empty() ? "5432" : port_, dbname_));
}

Conninfo Conninfo::with_database(std::string name) const {
  Conninfo other = *this;
  std::erase_if(other.parameters_, [](const auto& p) { return p.first == "dbname"; });
  other.parameters_.emplace_back("dbname", name);
  other.dbname_ = std::move(name);
  return other;
}

std::vector<Conninfo::Place> Conninfo::places() const {
  const auto hosts = split(host_), addresses = split(hostaddr_), ports = split(port_);
  std::vector<Place> all(hostaddr_.empty() ? hosts.size() : addresses.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    Place& p = all[i];
    if (i < hosts.size()) p.host = hosts[i];
    if (!hostaddr_.empty()) p.address = addresses[i];
    p.port = ports.size() == 1 ? ports[0] : ports[i];
    if (p.port.empty()) p.port = "5432";
    p.local = p.address.empty() && (p.host.empty() || p.host[0] == '/' || p.host[0] == '@');
  }
  return all;
}

std::string Conninfo::without_secrets(std::string text, std::string_view more) const {
  const auto hide = [&text](std::string_view secret) {
    if (secret.size() < 3) return;  // shorter ones occur in every sentence
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3))
      text.replace(at, secret.size(), "***");
  };
  for (const auto& [key, value] : parameters_)
    if (key == "password" || key == "sslpassword") hide(value);
  hide(more);
  return text;
}

}  // namespace pgvigil
