// The SQL script that makes the role pgvigil connects with. Text only: a superuser reads it and runs it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgvigil {

struct GrantsRequest {
  std::string role = "pgvigil";
  int agents = 1;                 // that connect to one server at the same time; 1 to 1000
  std::optional<int> pg_major{};  // none: the script asks the server
};

// Why this cannot be the name of the role; "" when it can.
std::string role_problem(std::string_view role);
// May be run again. All in one transaction; throws std::invalid_argument for a role with a problem.
std::string grants_script(const GrantsRequest& request);

std::string quote_identifier(std::string_view name);  // always quoted
std::string quote_literal(std::string_view text);     // whatever standard_conforming_strings is

}  // namespace pgvigil
