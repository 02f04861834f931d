#include "agent/core/grants.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace pgvigil {
namespace {

// Parts of the script are PL/pgSQL in dollar quotes, whose tag must not occur inside.
std::string do_block(const std::string& body) {
  std::string tag = "$pgvigil$";
  for (int i = 1; body.find(tag) != std::string::npos; ++i) tag = fmt::format("$pgvigil{}$", i);
  return fmt::format("DO {0}\n{1}{0};\n", tag, body);
}

std::string create_role(const std::string& literal) {
  return "-- A role of its own: what follows would break an application that shares it.\n" +
         do_block(fmt::format(R"(DECLARE
  name constant text := {};
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = name) THEN
    EXECUTE pg_catalog.format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION', name);
  ELSIF EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = name AND (rolsuper OR rolreplication)) THEN
    RAISE EXCEPTION 'role % is a superuser or replicates: choose another name', name;
  ELSIF EXISTS (SELECT 1 FROM pg_catalog.pg_shdepend d JOIN pg_catalog.pg_roles r ON r.oid = d.refobjid
                WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND d.deptype = 'o'
                  AND r.rolname = name) THEN
    RAISE EXCEPTION 'role % owns objects, so an application uses it: choose another name', name;
  ELSIF EXISTS (SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
                  AND pg_catalog.has_table_privilege(name, c.oid, 'INSERT, UPDATE, DELETE')) THEN
    RAISE EXCEPTION 'role % may write to tables, so an application uses it: choose another name', name;
  END IF;
END
)",
                              literal));
}

// 13 has no pg_read_all_data: SELECT on what exists, and on what the present owners will create.
std::string select_on_13(const std::string& literal) {
  return fmt::format(R"(DECLARE
  name constant text := {};
  s record;
BEGIN
  FOR s IN SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace n
           WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' LOOP
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %I', s.nspname, name);
    EXECUTE pg_catalog.format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', s.nspname, name);
  END LOOP;
  FOR s IN SELECT DISTINCT n.nspname, r.rolname FROM pg_catalog.pg_class c
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
           WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' LOOP
    EXECUTE pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT SELECT ON TABLES TO %I',
                              s.rolname, s.nspname, name);
  END LOOP;
END
)",
                     literal);
}

std::string memberships(const std::string& role, const std::string& literal, std::optional<int> major) {
  std::string out =
      fmt::format("\n-- Statistics, settings and the texts of other users' queries.\nGRANT pg_monitor TO {};\n", role);
  const std::string why_read =
      "\n-- EXPLAIN needs the right to SELECT. Without it columns come from the query's text, with less confidence.\n";
  const std::string why_reserved =
      "\n-- A way in when ordinary connections are used up. It works once reserved_connections is set, which needs a\n"
      "-- restart: ALTER SYSTEM SET reserved_connections = 4;\n";
  const std::string on_13 = "-- This server has no pg_read_all_data: run the script in every database to watch.\n";
  if (!major) {
    out += why_read + "-- Before 14 there is no pg_read_all_data: run the script in every database to watch.\n";
    // A nested block would need nested quotes; EXECUTE of a literal DO does not.
    out +=
        do_block(fmt::format("BEGIN\n"
                             "  IF pg_catalog.current_setting('server_version_num')::int >= 140000 THEN\n"
                             "    EXECUTE pg_catalog.format('GRANT pg_read_all_data TO %I', {0});\n"
                             "  ELSE\n"
                             "    EXECUTE {1};\n"
                             "  END IF;\n"
                             "END\n",
                             literal, quote_literal("DO " + quote_literal(select_on_13(literal)))));
    out += why_reserved;
    out +=
        do_block(fmt::format("BEGIN\n"
                             "  IF pg_catalog.current_setting('server_version_num')::int >= 160000 THEN\n"
                             "    EXECUTE pg_catalog.format('GRANT pg_use_reserved_connections TO %I', {});\n"
                             "  END IF;\n"
                             "END\n",
                             literal));
    return out;
  }
  if (*major >= 14)
    out += why_read + fmt::format("GRANT pg_read_all_data TO {};\n", role);
  else
    out += why_read + on_13 + do_block(select_on_13(literal));
  if (*major >= 16) out += why_reserved + fmt::format("GRANT pg_use_reserved_connections TO {};\n", role);
  return out;
}

std::string limits(const std::string& role, const std::string& literal, int agents) {
  std::string out = fmt::format(R"(
-- Two connections for each of {1}, and two for a person in a hurry.
ALTER ROLE {0} LOGIN CONNECTION LIMIT {2};

-- pgvigil sets its own limits in every transaction. These hold even where it would not.
ALTER ROLE {0} SET statement_timeout = '10s';                    -- nothing of ours runs for long
ALTER ROLE {0} SET lock_timeout = '100ms';                       -- nor queues behind a lock
ALTER ROLE {0} SET idle_in_transaction_session_timeout = '30s';  -- nor holds back vacuum
ALTER ROLE {0} SET default_transaction_read_only = on;           -- planning runs code: it must not write
ALTER ROLE {0} SET search_path = pg_catalog;                     -- nobody's function stands in for a built-in one

-- Some systems do not know this one: then the rest holds without it. temp_file_limit is left alone on purpose: a limit of
-- its own would hide the server's, which every index build must fit into.
)",
                                role, agents == 1 ? "one agent" : fmt::format("{} agents", agents), 2 * agents + 2);
  return out + do_block(fmt::format(R"(DECLARE
  name constant text := {};
BEGIN
  BEGIN
    EXECUTE pg_catalog.format('ALTER ROLE %I SET client_connection_check_interval = ''1s''', name);
  EXCEPTION WHEN undefined_object OR invalid_parameter_value THEN
    RAISE NOTICE 'client_connection_check_interval is left alone: %', SQLERRM;
  END;
END
)",
                                    literal));
}

}  // namespace

std::string quote_identifier(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string quote_literal(std::string_view text) {
  const bool escapes = text.find('\\') != std::string_view::npos;
  std::string out = escapes ? "E'" : "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += c;
    out += c;
  }
  return out + '\'';
}

std::string role_problem(std::string_view role) {
  if (role.empty()) return "the name of the role is empty";
  if (role.size() > 63) return "the name of the role is longer than 63 bytes";
  if (std::any_of(role.begin(), role.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
    return "the name of the role has a control character";
  if (role.starts_with("pg_")) return "names that begin with pg_ belong to PostgreSQL";
  if (role == "public" || role == "none") return "PostgreSQL keeps this name for itself";
  return "";
}

std::string grants_script(const GrantsRequest& request) {
  if (const std::string problem = role_problem(request.role); !problem.empty()) throw std::invalid_argument(problem);
  const std::string role = quote_identifier(request.role);
  const std::string literal = quote_literal(request.role);
  std::string out = fmt::format(
      "-- The role that pgvigil connects with{}. Run it with psql as a superuser; running it again changes nothing.\n"
      "-- It sets no password: use \\password in psql, or a certificate.\n"
      "BEGIN;\n\n",
      request.pg_major ? fmt::format(", for PostgreSQL {}", *request.pg_major) : "");
  out += create_role(literal);
  out += memberships(role, literal, request.pg_major);
  out += limits(role, literal, request.agents);
  return out + "\nCOMMIT;\n";
}

}  // namespace pgvigil
