// Literals that are words of the program and no values: what an index on an expression has to repeat. They may stay in
// a text that has lost its literals.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "checks/plans/sql_tree.h"

namespace pgvigil::sql {

// to_tsvector('english', body), date_trunc('day', at): PostgreSQL's own words. title || ' ' || body, coalesce(a, ''):
// signs without a letter or digit. left(code, 3): numbers below 100 that are a place or a length in a column.
// LIKE '%x%': that it begins with a wildcard, as '%?%'.
class ProgramWords {
 public:
  ProgramWords(std::string_view text, const Json& tree);

  bool none() const { return words_.empty(); }
  // The text with a quoted name in the place of each, which is no literal.
  std::string marked() const;
  // What became of that text, with the words in their places again.
  std::string put_back(std::string text) const;

 private:
  struct Word {
    std::size_t begin = 0, end = 0;  // in the text
    std::string kept;
  };
  void look(const Json& node, int depth);
  void operation(const Json& op);
  void function(const Json& call);
  void pattern(const Json& node);
  void postgres_word(const Json& node);
  void sign(const Json& node);
  void number(const Json& node);
  void keep(const Json& constant, const std::string& printed);

  std::string_view text_;
  std::vector<Word> words_;
};

}  // namespace pgvigil::sql
