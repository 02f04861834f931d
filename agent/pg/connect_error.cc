// Why a connection failed: libpq's text made into a kind, one line and a next step.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "agent/pg/conninfo.h"
#include "checks/probe.h"

namespace pgvigil {

using Kind = ConnectError::Kind;

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::bad_conninfo:
      return "bad_conninfo";
    case Kind::resolve:
      return "resolve";
    case Kind::refused:
      return "refused";
    case Kind::timeout:
      return "timeout";
    case Kind::tls:
      return "tls";
    case Kind::auth:
      return "auth";
    case Kind::no_database:
      return "no_database";
    case Kind::too_many_connections:
      return "too_many_connections";
    case Kind::starting_up:
      return "starting_up";
    case Kind::shutting_down:
      return "shutting_down";
    case Kind::recovery:
      return "recovery";
    case Kind::not_postgres:
      return "not_postgres";
    case Kind::other:
      break;
  }
  return "other";
}

namespace pg {
namespace {

std::string hint_for(Kind kind, const Conninfo& where) {
  switch (kind) {
    case Kind::bad_conninfo:
      return "check the connection string";
    case Kind::resolve:
      return "check the host name and the DNS server of this machine";
    case Kind::refused:
      return "check host and port, that PostgreSQL runs there (pg_isready), and listen_addresses";
    case Kind::timeout:
      return "check the network, firewalls and that the server is not stopped; existing sessions may still work";
    case Kind::tls:
      return "check sslmode, sslrootcert and the server's certificate";
    case Kind::auth:
      return "check the password (~/.pgpass, PGPASSWORD), the role's LOGIN and CONNECT rights, and pg_hba.conf";
    case Kind::no_database:
      return "list the databases: psql -l; then set dbname";
    case Kind::too_many_connections:
      return fmt::format(
          "as a superuser, for whom slots are kept, end idle sessions or raise the limit; on 16+: GRANT "
          "pg_use_reserved_connections TO {} and set reserved_connections",
          where.user());
    case Kind::starting_up:
      return "wait until the server is up; its log tells how far it is";
    case Kind::shutting_down:
      return "wait for the restart, or start the server";
    case Kind::recovery:
      return "the server is in recovery: check its log, hot_standby and target_session_attrs";
    case Kind::not_postgres:
      return "what listens there is not PostgreSQL: check host and port";
    case Kind::other:
      break;
  }
  return "look into the server's log for this time";
}

bool has(std::string_view text, std::string_view part) {
  return std::search(text.begin(), text.end(), part.begin(), part.end(), [](char a, char b) {
           return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
         }) != text.end();
}

template <std::size_t N>
bool has_any(std::string_view text, const std::array<std::string_view, N>& parts) {
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view p) { return has(text, p); });
}

Kind by_sqlstate(std::string_view state, std::string_view text) {
  if (state == "53300") return Kind::too_many_connections;
  if (state == "57P03") {
    if (has(text, "shutting down")) return Kind::shutting_down;
    return has_any<3>(text, {"recovery", "not accepting", "not yet accepting"}) ? Kind::recovery : Kind::starting_up;
  }
  if (state == "57P01" || state == "57P02") return Kind::shutting_down;
  if (state == "3D000" || has(text, "no such database")) return Kind::no_database;  // the latter: pgbouncer
  if (state.starts_with("28") || state == "42501" || has(text, "no such user")) return Kind::auth;
  return Kind::other;
}

Kind by_text(std::string_view text) {
  if (has_any<4>(text, {"invalid response to SSL negotiation", "invalid response to GSSAPI negotiation",
                        "expected authentication request", "unsupported frontend protocol"}))
    return Kind::not_postgres;
  if (has_any<4>(text, {"no password supplied", "SCRAM", "authentication", "channel binding"})) return Kind::auth;
  if (has_any<3>(text, {"SSL", "certificate", "GSSAPI"})) return Kind::tls;
  if (has_any<5>(text, {"refused", "No such file", "unreachable", "No route", "Permission denied"}))
    return Kind::refused;
  if (has_any<2>(text, {"timed out", "timeout"})) return Kind::timeout;
  if (has_any<2>(text, {"read-only", "hot standby"})) return Kind::recovery;
  if (has(text, "server is not in hot standby")) return Kind::recovery;
  if (has_any<2>(text, {"translate host name", "parse network address"})) return Kind::resolve;
  return Kind::other;
}

}  // namespace

std::string one_line(std::string_view text, std::size_t limit) {
  std::string valid, out;
  decode_cell(Cell(std::string(text.substr(0, limit))), valid);
  for (char c : valid) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    if (control && (out.empty() || out.back() == ' ')) continue;
    out += control ? ' ' : c;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

ConnectError connect_error(Kind kind, const Conninfo& where, std::string message, std::string sqlstate) {
  std::string hint = hint_for(kind, where);
  if (kind == Kind::too_many_connections && has(message, "for role"))
    hint =
        fmt::format("see which sessions use it; ALTER ROLE {} CONNECTION LIMIT n; two for each agent, two for people",
                    where.user());
  if (kind == Kind::too_many_connections && has(message, "for database"))
    hint = fmt::format("end idle sessions there, or ALTER DATABASE {} CONNECTION LIMIT n", where.dbname());
  return {kind, std::move(sqlstate),
          where.without_secrets(fmt::format("cannot connect to {}: {}", where.display(), one_line(message))),
          std::move(hint)};
}

ConnectError classify(const Conninfo& where, std::string_view said) {
  // connection to server at "127.0.0.1", port 5432 failed: FATAL:  28P01: password authentication failed ...
  constexpr std::string_view kFailed = " failed: ";
  if (said.starts_with("connection to server"))
    if (const auto at = said.find(kFailed); at != std::string_view::npos) said.remove_prefix(at + kFailed.size());
  said = said.substr(0, said.find('\n'));
  std::string sqlstate;
  const auto colon = said.find(":  ");
  if (colon != std::string_view::npos && said.size() > colon + 9 && said[colon + 8] == ':' &&
      std::all_of(said.begin() + static_cast<std::ptrdiff_t>(colon) + 3,
                  said.begin() + static_cast<std::ptrdiff_t>(colon) + 8,
                  [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); })) {
    sqlstate = said.substr(colon + 3, 5);
    said.remove_prefix(colon + 10);
  }
  const Kind kind = sqlstate.empty() ? by_text(said) : by_sqlstate(sqlstate, said);
  std::string text(said);
  if (kind == Kind::not_postgres) text = "what answers there does not speak PostgreSQL's protocol";
  return connect_error(kind, where, std::move(text), sqlstate);
}

}  // namespace pg
}  // namespace pgvigil
