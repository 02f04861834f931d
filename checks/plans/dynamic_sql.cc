#include "checks/plans/dynamic_sql.h"

#include <cctype>
#include <vector>

#include "checks/plans/sql.h"
#include "checks/plans/sql_tree.h"

namespace pgvigil::sql {
namespace {

constexpr char kValue = '\x01';  // stands for what is known at run time alone
constexpr std::size_t kLongest = 64 * 1024;
using Held = std::map<std::string, std::string>;
using Text = std::optional<std::string>;  // none: nothing that could be read is made of it

bool is_known(const std::string& s) { return s.find(kValue) == std::string::npos; }

std::string in_quotes(const std::string& s) {
  if (!is_known(s)) return {kValue};
  std::string out = "'";
  for (const char c : s) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

Text made_of(const Json& node, const Held& held, int depth);

// format(): %s, %I, %L, with a position and a width or without.
Text formatted(const std::string& pattern, const std::vector<Text>& arguments) {
  std::string out;
  std::size_t next = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      out += pattern[i];
      continue;
    }
    std::size_t number = 0;
    while (++i < pattern.size() && (std::isdigit(static_cast<unsigned char>(pattern[i])) != 0 || pattern[i] == '-'))
      if (pattern[i] != '-' && number < arguments.size())
        number = 10 * number + static_cast<std::size_t>(pattern[i] - '0');
    if (i < pattern.size() && pattern[i] == '$') {
      if (number == 0) return std::nullopt;
      next = number - 1;
      while (++i < pattern.size() && (std::isdigit(static_cast<unsigned char>(pattern[i])) != 0 || pattern[i] == '-')) {
      }
    }
    if (i >= pattern.size()) return std::nullopt;
    if (pattern[i] == '%') {
      out += '%';
      continue;
    }
    if (next >= arguments.size() || !arguments[next]) return std::nullopt;
    const std::string& value = *arguments[next++];
    if (pattern[i] == 's')
      out += value;
    else if (pattern[i] == 'L')
      out += in_quotes(value);
    else if (pattern[i] == 'I' && is_known(value))
      out += quote_identifier(value);
    else
      return std::nullopt;
  }
  return out;
}

Text made_by_call(const Json& call, const Held& held, int depth) {
  const std::string name = last_name(at(call, "funcname"));
  std::vector<Text> arguments;
  if (const Json& all = at(call, "args"); all.is_array())
    for (const Json& a : all) arguments.push_back(made_of(a, held, depth + 1));
  if (arguments.empty() || at(call, "func_variadic") == true) return std::string(1, kValue);
  if (name == "format") {
    if (!arguments[0] || !is_known(*arguments[0])) return std::nullopt;
    return formatted(*arguments[0], {arguments.begin() + 1, arguments.end()});
  }
  if (name == "concat") {
    std::string out;
    for (const Text& a : arguments) {
      if (!a) return std::nullopt;
      out += *a;
    }
    return out;
  }
  if (name == "quote_ident")
    return arguments[0] && is_known(*arguments[0]) ? Text(quote_identifier(*arguments[0])) : std::nullopt;
  if ((name == "quote_literal" || name == "quote_nullable") && arguments[0]) return in_quotes(*arguments[0]);
  return std::string(1, kValue);
}

Text made_of(const Json& node, const Held& held, int depth) {
  if (depth > kDeepest) return std::nullopt;
  if (const Json& c = at(node, "A_Const"); c.is_object()) {
    if (const Json& s = at(c, "sval"); s.is_object()) return text(s, "sval");
    if (const Json& i = at(c, "ival"); i.is_object())
      return std::to_string(at(i, "ival").is_number() ? at(i, "ival").get<std::int64_t>() : 0);
    return std::string(1, kValue);
  }
  if (const Json& cast = at(node, "TypeCast"); cast.is_object()) return made_of(at(cast, "arg"), held, depth + 1);
  if (const Json& call = at(node, "FuncCall"); call.is_object()) return made_by_call(call, held, depth);
  if (const Json& e = at(node, "A_Expr"); e.is_object() && last_name(at(e, "name")) == "||") {
    const Text left = made_of(at(e, "lexpr"), held, depth + 1), right = made_of(at(e, "rexpr"), held, depth + 1);
    return left && right && left->size() + right->size() <= kLongest ? Text(*left + *right) : std::nullopt;
  }
  if (const Json& ref = at(node, "ColumnRef"); ref.is_object())
    if (const auto known = held.find(last_name(at(ref, "fields"))); known != held.end()) return known->second;
  return std::string(1, kValue);
}

Text made_of(const std::string& expression, const Held& held) {
  const Json tree = parse_tree("SELECT " + expression);
  if (tree.is_null() || tree["stmts"].size() != 1) return std::nullopt;
  const Json& targets = at(at(at(tree["stmts"][0], "stmt"), "SelectStmt"), "targetList");
  if (!targets.is_array() || targets.size() != 1) return std::nullopt;
  return made_of(at(at(targets[0], "ResTarget"), "val"), held, 0);
}

bool in_a_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' || c == '"'; }

// Each value a parameter: WHERE code = '?' as well as WHERE code = ?. One that is part of a name names nothing.
Text with_parameters(const std::string& made) {
  std::size_t number = parameters(made);
  std::string out;
  for (std::size_t i = 0; i < made.size(); ++i) {
    if (made[i] != kValue) {
      out += made[i];
      continue;
    }
    const char before = i > 0 ? made[i - 1] : ' ', after = i + 1 < made.size() ? made[i + 1] : ' ';
    if (in_a_name(before) || in_a_name(after)) return std::nullopt;
    const bool literal = before == '\'' && after == '\'';
    if (literal) out.pop_back(), ++i;
    out += "$" + std::to_string(++number);
  }
  return out;
}

}  // namespace

void Commands::assign(const std::string& variable, const std::string& expression) {
  const Text made = made_of(expression, held_);
  if (made && *made != std::string(1, kValue))
    held_[variable] = *made;
  else
    held_.erase(variable);
}

std::optional<std::string> Commands::command(const std::string& expression) const {
  const Text made = made_of(expression, held_);
  return made ? with_parameters(*made) : std::nullopt;
}

}  // namespace pgvigil::sql
