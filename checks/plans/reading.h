// Statements that write or lock, as what they read: their plan can then be had without the right to write, and without
// the locks that EXPLAIN of a write takes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgvigil::sql {

// A SELECT with the same FROM and WHERE (and the same $n), WITH included; of SELECT ... FOR UPDATE the same without the
// lock; of DECLARE CURSOR, CREATE TABLE AS and COPY (...) TO the query in it. None for any other statement, and where
// the text does not parse.
std::optional<std::string> reading_part(std::string_view text);

}  // namespace pgvigil::sql
