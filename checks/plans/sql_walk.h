// Which columns a query compares: the walk over libpg_query's parse tree. sql_relations.cc finds what is read,
// sql_conditions.cc how it is compared.
#pragma once

#include <deque>
#include <map>

#include "checks/plans/sql.h"
#include "checks/plans/sql_tree.h"

namespace pgvigil::sql {

using How = ColumnUse::How;

struct Field {  // a column of one of the relations found
  std::size_t relation;
  std::string column;  // unquoted
};

// What a FROM item offers: a relation's columns, or those of a subquery that pass through to a relation.
struct Source {
  std::string name;
  std::optional<std::size_t> relation = {};
  std::map<std::string, Field> columns = {};
  std::optional<std::size_t> star = {};  // every other column is this relation's
};
using Output = Source;

struct Scope {
  const Scope* outer = nullptr;
  std::deque<Source> sources = {};
  std::map<std::string, Output> ctes = {};
};

class Walk {
 public:
  explicit Walk(const HasColumn& has_column) : has_column_(has_column) {}
  std::vector<RelationUse> take();
  void statement(const Json& node);

 private:
  struct Depth {
    explicit Depth(int& d) : depth(d) { ++depth; }
    ~Depth() { --depth; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    int& depth;
  };
  struct Side {  // of a comparison
    std::optional<Field> column = {};
    std::optional<How> wrapped = {};  // function or cast around the column
    std::string detail = {};
    std::optional<Expression> computed = {};  // what is around the column, where it can be printed
    std::string collation = {};
    std::string called = {};  // a function in what it is compared with
    ColumnUse::With with = ColumnUse::With::other;
    bool constant = false;  // no column of any relation in it
  };

  Output query(const Json& node, const Scope* outer);
  Output select(const Json& s, const Scope* outer);
  void with(const Json& s, Scope& scope);
  void from(const Json& item, Scope& scope, std::vector<const Json*>& conditions);
  void relation(const Json& range_var, Scope& scope);
  bool only_extremes(const Json& targets, const Scope& scope);
  void output(const Json& targets, const Scope& scope, Output& out);
  void condition(const Json& node, const Scope& scope, bool conjunct);
  void comparison(const Json& a, const Scope& scope, bool conjunct);
  bool negation(const Json& a, const Scope& scope);
  void never(const Field& f, const std::string& what);
  bool no_longer(const Json& negated, const Scope& scope);
  void compare(const Json& left, const Json& right, const Scope& scope, How how, const std::string& detail);
  void sublink(const Json& s, const Scope& scope, bool conjunct);
  void having(const Json& node, const Scope& scope);
  void others(const Json& node, const Scope& scope);  // columns in any other place of a condition
  void subqueries(const Json& node, const Scope& scope);
  bool same_column_everywhere(const Json& alternatives, const Scope& scope);
  void either(const Json& alternatives, const Scope& scope);
  Side side(const Json& node, const Scope& scope);
  std::vector<Field> fields(const Json& node, const Scope& scope);
  bool has_column_ref(const Json& node);
  bool has_node(const Json& node, const char* type);
  bool apart(std::size_t relation) const { return apart_ != nullptr && relation < apart_below_; }
  std::optional<Field> resolve(const Json& column_ref, const Scope& scope);
  std::optional<Field> of_source(const Source& source, const std::string& column) const;
  void use(const Field& f, How how, std::string detail = {});
  void flag(const Field& f);
  void use(const Side& side, How how, std::string detail = {});  // of its column, or of what is computed from it
  void sort_by(const Json& clause, const Json& targets, const Scope& scope, How how);

  static constexpr std::size_t kAll = static_cast<std::size_t>(-1);

  const HasColumn& has_column_;
  std::vector<RelationUse> found_;
  std::vector<std::vector<ColumnUse>> sorts_;                        // of found_, put behind its filters
  std::vector<std::pair<std::size_t, ColumnUse>>* apart_ = nullptr;  // where an arm of an OR is collected
  std::size_t apart_below_ = kAll;  // ... of these relations: a subquery's own conditions are no part of the OR
  int depth_ = 0;
};

}  // namespace pgvigil::sql
