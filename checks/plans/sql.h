// SQL text as data: normalising, fingerprints, the columns a query compares. Wraps libpg_query; runs nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgvigil::sql {

// Literals, but for words of the program, replaced by $n. In what cannot be parsed (truncated, newer grammar) quoted
// strings and numbers are blanked by a scanner, so that no literal ever passes; `parsed` is then false.
struct Normalised {
  std::string text;
  std::string fingerprint;  // 16 hex digits; of the blanked text when it does not parse
  bool parsed = false;
};
Normalised normalise(std::string_view text);

// Blanks literals in an expression as EXPLAIN prints it: (dump_id = 7) -> (dump_id = ?).
std::string blank_literals(std::string_view expression);

enum class Kind : std::uint8_t { select, insert, update, remove, merge, utility, several, unparsable };
Kind kind(std::string_view text);  // remove: DELETE. WITH is seen through.

// How a query uses the columns of one relation, in the order of the text.
struct ColumnUse {
  enum class How : std::uint8_t {
    equal,
    range,    // detail: below, above, between
    like,     // LIKE, ILIKE, regular expressions; detail: prefix, infix, ilike, regex, or "" for a parameter
    in_list,  // IN, = ANY, OR of one column
    is_null,  // detail: "" or "not"
    join,
    sort,  // detail: "", "desc", "nulls first", "desc nulls last"
    group,
    contains,  // operators of GIN and GiST; detail: @>, ?, &&, @@, <<= ...
    function,  // a function or operator around the column; detail: its name
    cast,      // detail: the type
    other
  };
  // What it is compared with.
  enum class With : std::uint8_t { other, constant, parameter, now };
  std::string column;  // as quote_identifier prints it
  How how = How::other;
  std::string detail = {};
  // Of what is computed from the column: as CREATE INDEX takes it ("" when it holds a parameter), the functions,
  // operators and casts in it, and how it is compared.
  std::string expression = {};
  std::vector<std::string> functions = {};
  How compared = How::other;
  std::string compared_detail = {};
  std::string collation = {};  // of a COLLATE clause
  std::string called = {};     // a function in what it is compared with
  With with = With::other;
  std::string negation = {};  // <>, NOT IN, IS DISTINCT FROM of constants, as CREATE INDEX ... WHERE takes it
};
struct RelationUse {
  std::string schema, relation;  // unquoted; schema "" when the text does not say
  std::vector<ColumnUse> uses;   // of filters and joins, then of ORDER BY
  std::string alias = {};        // the relation's name where it has none
  bool has_or = false;           // the conditions are not a plain conjunction
  bool limit = false;
  bool locks = false;                               // FOR UPDATE and the like
  bool optional = false;                            // ($1 IS NULL OR column = $1): with a value it is a plain condition
  std::vector<std::vector<ColumnUse>> either = {};  // of an OR over several columns: what each arm compares
};
// One entry for each relation the text reads, CTEs and subqueries seen through; empty when it does not parse. The same
// relation named twice gives two entries. A column without a qualifier belongs to the only relation there is, or to
// those of which `has_column` says so (unquoted names); without that answer it is left out.
using HasColumn = std::function<bool(std::string_view schema, std::string_view relation, std::string_view column)>;
std::vector<RelationUse> relations(std::string_view text, const HasColumn& has_column = {});

std::size_t parameters(std::string_view text);  // n of the highest $n outside strings and comments; 0: none

bool parsable(std::string_view text);  // small and flat enough for the parser; it may still find an error

std::string quote_identifier(std::string_view name);  // as PostgreSQL does, keywords included

}  // namespace pgvigil::sql
