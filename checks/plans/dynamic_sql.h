// The command that a function puts together at run time: format(), || and variables, with parameters for what only a
// run knows.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace pgvigil::sql {

class Commands {
 public:
  // `q := format('SELECT ...')`: what q holds from here on. Of something else q is forgotten.
  void assign(const std::string& variable, const std::string& expression);
  void forget(const std::string& variable) { held_.erase(variable); }
  // "SELECT id FROM parts WHERE code = $1"; none where the name of a relation or column is known at run time alone.
  std::optional<std::string> command(const std::string& expression) const;

 private:
  std::map<std::string, std::string> held_;
};

}  // namespace pgvigil::sql
