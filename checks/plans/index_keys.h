// What an index is made of, and whether one that exists has what is wanted.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checks/plans/catalogue.h"
#include "checks/plans/sql.h"

namespace pgvigil {

// A key of a wanted index.
struct IndexKey {
  std::string text;    // as CREATE INDEX takes it
  std::string column;  // the one it is, or is computed from
  std::string operator_class = {}, order = {};
  std::string collation = {};  // other than the column's
  std::string cast = {};       // the server casts the column to this first: the parameter has another type
  std::optional<std::string> direction = {};  // its rows are wanted in this order, as ColumnUse::detail says it
  std::string print() const {
    return text + (collation.empty() ? "" : " COLLATE " + sql::quote_identifier(collation)) +
           (operator_class.empty() ? "" : " " + operator_class) + (order.empty() ? "" : " " + order);
  }
};

// Expected distinct values of a column; none when not known.
std::optional<double> distinct_values(const KnownTable& known, const std::string& name);
bool few_values(const KnownTable& known, const std::vector<std::string>& names);  // together
// Rows that one look-up finds by the first `equal` keys; none where statistics do not tell.
std::optional<double> rows_of_one(const KnownTable& known, const std::vector<IndexKey>& keys, std::size_t equal);
// Can a B-tree on the bare column serve a comparison? True where nothing is known of the columns: the text is believed.
bool sortable(const KnownTable& known, const std::string& column);
bool is_text(const RelationColumn& c);
bool is_citext(const RelationColumn& c);
// Every value is so long that statistics keep none of them (1 kB).
bool all_long(const RelationColumn& c);
// A B-tree on the column may not be built: its entry ends at 2,704 bytes. A hash index holds only what a value hashes
// to.
bool too_long(const KnownTable& known, const std::string& column);
// The type to which the server casts the column first, as the scan's condition shows, where the parameter has another
// type: (id)::numeric = $1. "" where it does not.
std::string cast_by_server(const KnownTable& known, const sql::ColumnUse& u, std::string_view filter,
                           std::string_view alias = {});

// A usable B-tree whose first column is this one.
bool leads_with(const Index& i, const std::string& column);
const Index* led_by(const KnownTable& known, const std::string& column);
bool same_key(const KnownTable& known, const Index& i, std::size_t k, const IndexKey& wanted);
// The index begins with these keys: the first `equal` in whatever order, the rest in theirs.
bool begins_with(const KnownTable& known, const Index& i, const std::vector<IndexKey>& keys, std::size_t equal);

}  // namespace pgvigil
