// The statements in a function's body. What its variables and arguments stand for becomes a parameter.
#pragma once

#include <string>
#include <vector>

namespace pgvigil::sql {

struct Routine {
  std::string name = {};                         // of the function, unqualified: its arguments may be qualified with it
  std::string language = {};                     // sql, plpgsql
  std::string body = {};                         // pg_proc.prosrc, or what pg_get_function_sqlbody() prints
  std::vector<std::string> argument_names = {};  // "" for one without a name
  std::vector<std::string> argument_types = {};  // as format_type() prints them
  bool trigger = false;
};

struct Embedded {
  std::string text;         // a statement that reads a relation or writes to one: "SELECT ... WHERE code = $1::text"
  std::string fingerprint;  // of the statement as pg_stat_statements keeps it
};

// Each once; at most 30. Of a command put together at run time what the body itself says. Empty when the body does not
// parse.
std::vector<Embedded> embedded(const Routine& routine);

}  // namespace pgvigil::sql
