// libpg_query's parse tree as JSON: what the rooms that walk it share.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgvigil::sql {

using Json = nlohmann::json;

constexpr int kDeepest = 400;  // nodes nested deeper are not looked at

// The child of that name; null where there is none.
const Json& at(const Json& node, const char* key);
std::string text(const Json& node, const char* key);
std::string last_name(const Json& names);  // of a list of String nodes: of a.b.c it is c

// The tree, or null when it does not parse.
Json parse_tree(std::string_view query);

// A value computed from columns, as CREATE INDEX takes it.
struct Expression {
  std::string text;                    // lower(email); (payload ->> 'user_id')
  std::vector<std::string> functions;  // names in it, operators and casts ("::date") included
  bool call = false;                   // a function call needs no parentheses of its own
};
// None when it holds a parameter, a subquery, or what we cannot print.
std::optional<Expression> expression(const Json& node);

}  // namespace pgvigil::sql
