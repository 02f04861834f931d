// What functions, triggers and foreign keys of hot queries do: the statements in their bodies. Second wave: asked for
// the functions that a hot query's text calls, and for triggers of the tables it writes to.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct InnerStatement {                      // that reads a relation, or writes to one
  std::string query_id = {};                 // "in:", the function's oid, the statement's number
  std::string query = {}, fingerprint = {};  // normalised; its variables are parameters
  std::string database = {};
  std::string function = {};                    // whose body holds it: qualified, quoted where it must be
  std::string called_schema = {}, called = {};  // the function that the hot query's text names, which may call this one
  std::int64_t least_arguments = 0, most_arguments = 0;  // that function takes
  std::string trigger = {};                              // instead: the trigger's name, or the foreign key's
  std::string on_schema = {}, on_table = {};             // of the trigger; unquoted
  std::vector<std::string> events = {};                  // insert, update, delete
  std::vector<std::string> key_columns = {};             // of on_table, unquoted: the update has to set one of them
  std::string referencing = {};  // the table whose foreign key it is, qualified; "" for a trigger
  std::string search_path = {};  // set for the function
};

extern const Probe<InnerStatement> called_functions;

// Those that a statement of this text sets going, with the name that is called: "function shop.find(...)", "trigger
// ...".
struct Inner {
  const InnerStatement* statement;
  std::string where;  // "function public.find_part", "foreign key lines_order_id_fkey of public.lines"
};
std::vector<Inner> inner_statements(const Input& in, const std::string& database, std::string_view text);

}  // namespace pgvigil
