// What a statement sets going beside itself: functions it calls, tables whose triggers its writes fire.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgvigil::sql {

struct Called {
  std::string schema, function;  // unquoted; schema "" when the text does not say
  std::size_t arguments = 0;
};
struct Written {
  std::string schema, relation;           // unquoted; schema "" when the text does not say
  std::string event;                      // insert, update, delete
  std::vector<std::string> columns = {};  // that an update sets, unquoted
};
struct Calls {
  std::vector<Called> functions;  // without the commonest built-in ones
  std::vector<Written> writes;
};
// Empty when it does not parse.
Calls calls(std::string_view text);

}  // namespace pgvigil::sql
