// Where a server is and how to log in: connection strings as libpq takes them, and why a connection failed.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgvigil {

struct ConnectError {
  enum class Kind : std::uint8_t {
    bad_conninfo,
    resolve,
    refused,
    timeout,
    tls,
    auth,
    no_database,
    too_many_connections,
    starting_up,
    shutting_down,
    recovery,
    not_postgres,
    other
  };
  Kind kind = Kind::other;
  std::string sqlstate = {};  // "" when the server did not get as far as one
  std::string message = {};   // one line without secrets
  std::string hint = {};      // the next step for a person
};
std::string_view to_string(ConnectError::Kind kind);  // "auth", "refused": a fixed set, fit for a label

// A parsed URI or key=value string. What it leaves open comes from PG* variables, the service file and
// .pgpass, read by libpq itself; the password file is read again at every connection.
class Conninfo {
 public:
  using Parameters = std::vector<std::pair<std::string, std::string>>;
  // Where to knock: one entry of the host list. A local one is a Unix socket's directory.
  struct Place {
    std::string host, address, port;
    bool local = false;
  };

  static boost::system::result<Conninfo, ConnectError> parse(const std::string& text);

  std::string display() const;                       // user@host:port/dbname; never a secret
  const std::string& host() const { return host_; }  // as written; may list several
  const std::string& port() const { return port_; }
  const std::string& dbname() const { return dbname_; }
  const std::string& user() const { return user_; }
  Conninfo with_database(std::string name) const;
  // Our application_name. What a person leaves running must not be taken for an agent: agents give way to the eldest.
  const std::string& application() const { return application_; }
  Conninfo with_application(std::string name) const {
    Conninfo other = *this;
    other.application_ = std::move(name);
    return other;
  }

  const Parameters& parameters() const { return parameters_; }                   // as given; holds secrets
  const std::string& session_attributes() const { return session_attributes_; }  // target_session_attrs
  std::vector<Place> places() const;
  // Replaces every secret of this string (and `more`) that occurs in the text.
  std::string without_secrets(std::string text, std::string_view more = {}) const;

 private:
  Parameters parameters_;
  std::string application_ = "pgvigil";
  std::string host_, hostaddr_, port_, dbname_, user_, session_attributes_;
};

namespace pg {

// A failed connection from libpq's message (error verbosity "verbose", so that it carries the SQLSTATE).
ConnectError classify(const Conninfo& where, std::string_view libpq_message);
ConnectError connect_error(ConnectError::Kind kind, const Conninfo& where, std::string message,
                           std::string sqlstate = {});
// Valid UTF-8 on one line without control characters, cut at `limit` bytes.
std::string one_line(std::string_view text, std::size_t limit = 400);

}  // namespace pg
}  // namespace pgvigil
