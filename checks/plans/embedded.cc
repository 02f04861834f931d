#include "checks/plans/embedded.h"

#include <fmt/format.h>
#include <pg_query.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>

#include "checks/plans/calls.h"
#include "checks/plans/dynamic_sql.h"
#include "checks/plans/sql.h"
#include "checks/plans/sql_tree.h"

namespace pgvigil::sql {
namespace {

constexpr std::size_t kMost = 30;
constexpr std::size_t kLongestBody = 64 * 1024;

// Types that a parameter may be cast to. Of others (%TYPE, records, domains) the server guesses the type, mostly
// rightly.
std::string plain_type(std::string_view declared) {
  static constexpr std::array<std::string_view, 30> known{"int",
                                                          "integer",
                                                          "int2",
                                                          "int4",
                                                          "int8",
                                                          "smallint",
                                                          "bigint",
                                                          "text",
                                                          "varchar",
                                                          "character varying",
                                                          "char",
                                                          "character",
                                                          "name",
                                                          "uuid",
                                                          "numeric",
                                                          "decimal",
                                                          "real",
                                                          "float4",
                                                          "float8",
                                                          "double precision",
                                                          "boolean",
                                                          "bool",
                                                          "date",
                                                          "timestamp",
                                                          "timestamptz",
                                                          "timestamp with time zone",
                                                          "timestamp without time zone",
                                                          "time",
                                                          "jsonb",
                                                          "bytea"};
  std::string type;
  for (const char c : declared) type += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  std::string base = type.substr(0, type.find('('));
  const bool array = base.ends_with("[]");
  if (array) base.resize(base.size() - 2);
  while (!base.empty() && base.back() == ' ') base.pop_back();
  if (std::find(known.begin(), known.end(), base) == known.end()) return "";
  return base + (array ? "[]" : "");  // without its length: a cast must not cut
}

bool is_name_start(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || (static_cast<unsigned char>(c) & 0x80) != 0;
}
bool is_name(char c) { return is_name_start(c) || std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '$'; }

// The end of a name of so many parts, "a" . b, that begins here; npos when it is something else.
std::size_t end_of_name(std::string_view text, std::size_t at, std::size_t parts) {
  const auto blanks = [&] {
    while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at])) != 0) ++at;
  };
  std::size_t end = at;
  for (std::size_t part = 0; part < parts; ++part) {
    if (part > 0) {
      blanks();
      if (at >= text.size() || text[at] != '.') return std::string_view::npos;
      ++at;
      blanks();
    }
    if (at < text.size() && text[at] == '"') {
      at = text.find('"', at + 1);
      if (at == std::string_view::npos) return at;
      ++at;
    } else if (at < text.size() && is_name_start(text[at])) {
      while (at < text.size() && is_name(text[at])) ++at;
    } else {
      return std::string_view::npos;
    }
    end = at;
  }
  return end;
}

struct Variable {
  std::string type;     // "" when not known
  bool record = false;  // NEW.id is a parameter as well
};
struct Variables : std::map<std::string, Variable> {
  std::string qualifier = {};  // the function's name
};

// A place in the text that becomes a parameter.
struct Place {
  std::size_t from, to, number;
  std::string type;
};

class Replacing {
 public:
  Replacing(std::string_view text, const Variables& variables, const std::vector<std::string>& argument_types)
      : text_(text), variables_(variables), arguments_(argument_types), next_(parameters(text) + 1) {}

  std::optional<Embedded> run() {
    const Json tree = parse_tree(text_);
    if (tree.is_null() || tree["stmts"].size() != 1) return std::nullopt;
    walk(tree["stmts"][0], 0);
    std::sort(places_.begin(), places_.end(), [](const Place& a, const Place& b) { return a.from < b.from; });
    Embedded out{printed(true), normalise(printed(false)).fingerprint};
    if (relations(out.text).empty() && calls(out.text).writes.empty()) return std::nullopt;
    return out;
  }

 private:
  void walk(const Json& node, int depth) {
    if (depth > kDeepest || !node.is_structured()) return;
    if (node.is_object()) {
      if (const Json& ref = at(node, "ColumnRef"); ref.is_object()) return column(ref);
      if (const Json& p = at(node, "ParamRef"); p.is_object()) return parameter(p);
    }
    for (const Json& child : node) walk(child, depth + 1);
  }
  void column(const Json& ref) {
    const Json& fields = at(ref, "fields");
    if (!fields.is_array() || fields.empty() || fields.size() > 2 || !fields.back().contains("String")) return;
    const auto name = [&](std::size_t i) { return text(at(fields[i], "String"), "sval"); };
    const bool qualified = fields.size() == 2 && name(0) == variables_.qualifier && !variables_.contains(name(0));
    const auto known = variables_.find(name(qualified ? 1 : 0));
    if (known == variables_.end()) return;
    if (fields.size() == 2 && !qualified && !known->second.record && !known->second.type.empty()) return;
    const std::size_t from = place(ref), to = end_of_name(text_, from, fields.size());
    if (to == std::string_view::npos) return;
    const auto [it, is_new] = numbers_.emplace(text_.substr(from, to - from), next_);
    if (is_new) ++next_;
    places_.push_back({from, to, it->second, fields.size() == 1 || qualified ? known->second.type : ""});
  }
  void parameter(const Json& p) {
    const std::size_t n = at(p, "number").is_number() ? at(p, "number").get<std::size_t>() : 0;
    if (n == 0 || n > arguments_.size() || plain_type(arguments_[n - 1]).empty()) return;
    const std::size_t from = place(p);
    places_.push_back({from, from + 1 + std::to_string(n).size(), n, plain_type(arguments_[n - 1])});
  }
  static std::size_t place(const Json& node) {
    return at(node, "location").is_number() ? at(node, "location").get<std::size_t>() : 0;
  }
  std::string printed(bool typed) const {
    std::string out;
    std::size_t done = 0;
    for (const Place& p : places_) {
      if (p.from < done || p.to > text_.size()) continue;
      out += text_.substr(done, p.from - done);
      out += fmt::format("${}{}", p.number, typed && !p.type.empty() ? "::" + p.type : "");
      done = p.to;
    }
    out += text_.substr(done);
    return out;
  }

  std::string_view text_;
  const Variables& variables_;
  const std::vector<std::string>& arguments_;
  std::size_t next_;
  std::map<std::string_view, std::size_t> numbers_;
  std::vector<Place> places_;
};

class Statements {
 public:
  Statements(Variables variables, const std::vector<std::string>& argument_types)
      : variables_(std::move(variables)), argument_types_(argument_types) {}

  void add(std::string_view statement) {
    if (found.size() >= kMost) return;
    auto e = Replacing(statement, variables_, argument_types_).run();
    if (e && std::none_of(found.begin(), found.end(), [&](const Embedded& k) { return k.text == e->text; }))
      found.push_back(std::move(*e));
  }
  // Of plpgsql: a statement, the condition of an IF, the right side of an assignment.
  void add_expression(const std::string& text) {
    if (found.size() >= kMost || !may_read(text)) return;
    if (statement(text)) return add(text);
    if (statement("SELECT " + text)) return add("SELECT " + text);
    if (const auto sign = text.find('='); sign != std::string::npos)
      if (const std::string value = "SELECT " + text.substr(sign + 1); statement(value)) add(value);
  }
  // EXECUTE 'SELECT ...', or what the body put together before.
  void add_dynamic(const std::string& text) {
    if (const auto command = commands_.command(text)) add_alone(*command);
  }
  void assigned(const std::string& text) {  // "query := 'SELECT ...'"
    const auto sign = text.find('=');
    const std::size_t name = end_of_name(text, 0, 1);
    if (sign == std::string::npos || name == std::string::npos || text.find_first_not_of(" \n\t:", name) != sign)
      return;
    commands_.assign(text.substr(0, name), text.substr(sign + 1));
  }
  void declared(const std::string& name, const std::string& text) { commands_.assign(name, text); }
  void read_into(const std::string& name) { commands_.forget(name); }
  std::vector<Embedded> found;

 private:
  // Most expressions only count or compare: no need to parse those.
  static bool may_read(std::string_view text) {
    static constexpr std::array<std::string_view, 5> words{"from", "insert", "update", "merge", "table"};
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
      return std::search(text.begin(), text.end(), word.begin(), word.end(),
                         [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; }) != text.end();
    });
  }
  static bool statement(const std::string& text) {
    const Kind k = kind(text);
    return k != Kind::unparsable && k != Kind::several && k != Kind::utility;
  }
  void add_alone(const std::string& text) {
    if (!statement(text) || found.size() >= kMost) return;
    if (auto e = Replacing(text, {}, {}).run()) found.push_back(std::move(*e));
  }

  Variables variables_;
  const std::vector<std::string>& argument_types_;
  Commands commands_;
};

Variables arguments_of(const Routine& r) {
  Variables all;
  all.qualifier = r.name;
  for (std::size_t i = 0; i < r.argument_names.size(); ++i)
    if (!r.argument_names[i].empty())
      all[r.argument_names[i]] = {i < r.argument_types.size() ? plain_type(r.argument_types[i]) : "", false};
  return all;
}

std::vector<Embedded> of_sql(const Routine& r) {
  Statements all(arguments_of(r), r.argument_types);
  std::string body = r.body;
  // BEGIN ATOMIC ... END, as the server prints it
  const std::string_view atomic = "BEGIN ATOMIC";
  if (const auto from = body.find(atomic); from != std::string::npos && body.find_first_not_of(" \n") == from)
    body = body.substr(from + atomic.size(), body.rfind("END") - from - atomic.size());
  else if (const auto ret = body.find("RETURN "); ret != std::string::npos && body.find_first_not_of(" \n") == ret)
    body = "SELECT " + body.substr(ret + 7);
  const Json tree = parse_tree(body);
  if (tree.is_null()) return {};
  for (const Json& s : tree["stmts"]) {
    const std::size_t from = at(s, "stmt_location").is_number() ? at(s, "stmt_location").get<std::size_t>() : 0;
    const std::size_t length = at(s, "stmt_len").is_number() ? at(s, "stmt_len").get<std::size_t>() : std::string::npos;
    if (from < body.size()) all.add(std::string_view(body).substr(from, length));
  }
  return std::move(all.found);
}

// RETURN NEXT without a value is right where a function returns a table, of which libpg_query knows nothing.
std::string with_values(std::string_view body) {
  constexpr std::string_view next = "next";
  std::string out;
  for (std::size_t i = 0; i < body.size(); ++i) {
    out += body[i];
    if (body[i] != ';') continue;
    std::size_t end = out.size() - 1;
    while (end > 0 && std::isspace(static_cast<unsigned char>(out[end - 1])) != 0) --end;
    if (end <= next.size() || is_name(out[end - next.size() - 1])) continue;
    if (std::equal(next.begin(), next.end(), out.begin() + static_cast<std::ptrdiff_t>(end - next.size()),
                   [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); }))
      out.insert(end, " NULL");
  }
  return out;
}

// libpg_query wants the whole CREATE FUNCTION, and refuses a RETURN that does not fit what it returns.
Json plpgsql_tree(const Routine& r) {
  std::string tag = "$pgvigil$";
  const std::string body = with_values(r.body);
  while (body.find(tag) != std::string::npos) tag.insert(1, "x");
  std::string arguments;
  for (std::size_t i = 0; i < r.argument_types.size() && !r.trigger; ++i) {
    const std::string name = i < r.argument_names.size() ? r.argument_names[i] : "";
    arguments += fmt::format("{}{} text", i == 0 ? "" : ", ", name.empty() ? "" : quote_identifier(name));
  }
  for (const std::string_view returns : {"trigger", "SETOF text", "void", "text"}) {
    if (r.trigger != (returns == "trigger")) continue;
    const std::string whole =
        fmt::format("CREATE FUNCTION f({}) RETURNS {} LANGUAGE plpgsql AS {}{}{}", arguments, returns, tag, body, tag);
    const PgQueryPlpgsqlParseResult result = pg_query_parse_plpgsql(whole.c_str());
    Json tree;
    if (result.error == nullptr && result.plpgsql_funcs != nullptr)
      tree = Json::parse(result.plpgsql_funcs, nullptr, false);
    pg_query_free_plpgsql_parse_result(result);
    if (tree.is_array() && !tree.empty()) return tree;
  }
  return {};
}

void variables_of(const Json& datums, Variables& all) {
  if (!datums.is_array()) return;
  for (const Json& datum : datums)
    for (const char* type : {"PLpgSQL_var", "PLpgSQL_rec"})
      if (const Json& v = at(datum, type); v.is_object()) {
        const std::string name = text(v, "refname"), declared = text(at(at(v, "datatype"), "PLpgSQL_type"), "typname");
        if (name.empty() || (all.contains(name) && declared == "UNKNOWN")) continue;
        Variable& known = all[name];
        known.type = plain_type(declared);
        known.record = type == std::string_view("PLpgSQL_rec") || declared == "record" ||
                       declared.ends_with("%ROWTYPE") || declared.ends_with("%rowtype");
      }
}

// What a variable holds of a command from here on.
void follow(const Json& node, Statements& all) {
  const auto query = [](const Json& holder, const char* key) {
    return text(at(at(holder, key), "PLpgSQL_expr"), "query");
  };
  if (const Json& assign = at(node, "PLpgSQL_stmt_assign"); assign.is_object()) all.assigned(query(assign, "expr"));
  if (const Json& variable = at(node, "PLpgSQL_var"); variable.is_object() && variable.contains("default_val"))
    all.declared(text(variable, "refname"), query(variable, "default_val"));
  if (const Json& fields = at(at(node, "PLpgSQL_row"), "fields"); fields.is_array())
    for (const Json& field : fields) all.read_into(text(field, "name"));
}

void expressions(const Json& node, Statements& all, int depth = 0) {
  if (depth > kDeepest || !node.is_structured()) return;
  if (node.is_array()) {
    for (const Json& child : node) expressions(child, all, depth + 1);
    return;
  }
  follow(node, all);
  const bool executes = node.contains("PLpgSQL_stmt_dynexecute") || node.contains("PLpgSQL_stmt_dynfors");
  for (const auto& [key, child] : node.items()) {
    if (key == "PLpgSQL_expr") {
      all.add_expression(text(child, "query"));
    } else if (key == "dynquery") {
      all.add_dynamic(text(at(child, "PLpgSQL_expr"), "query"));
    } else if (executes && child.is_object() && child.contains("query")) {
      all.add_dynamic(text(at(at(child, "query"), "PLpgSQL_expr"), "query"));
      if (const Json& body = at(child, "body"); body.is_array()) expressions(body, all, depth + 1);
    } else {
      expressions(child, all, depth + 1);
    }
  }
}

std::vector<Embedded> of_plpgsql(const Routine& r) {
  const Json tree = plpgsql_tree(r);
  if (!tree.is_array()) return {};
  Variables variables = arguments_of(r);
  const Json& function = at(tree[0], "PLpgSQL_function");
  variables_of(at(function, "datums"), variables);
  for (const char* row : {"new", "old"})
    if (r.trigger) variables[row] = {"", true};
  Statements all(std::move(variables), r.argument_types);
  expressions(at(function, "datums"), all);  // cursors
  expressions(at(function, "action"), all);
  return std::move(all.found);
}

}  // namespace

std::vector<Embedded> embedded(const Routine& routine) {
  if (routine.body.size() > kLongestBody) return {};
  return routine.language == "plpgsql" ? of_plpgsql(routine) : of_sql(routine);
}

}  // namespace pgvigil::sql
