#include "checks/plans/immutable.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace pgvigil {
namespace {

// Immutable whatever they are given (pg_proc.provolatile is i in 13 to 18).
constexpr auto always = std::to_array<std::string_view>({"lower",
                                                         "upper",
                                                         "btrim",
                                                         "ltrim",
                                                         "rtrim",
                                                         "trim",
                                                         "length",
                                                         "char_length",
                                                         "abs",
                                                         "round",
                                                         "floor",
                                                         "ceil",
                                                         "ceiling",
                                                         "trunc",
                                                         "sign",
                                                         "mod",
                                                         "sqrt",
                                                         "div",
                                                         "COALESCE",
                                                         "NULLIF",
                                                         "GREATEST",
                                                         "LEAST",
                                                         "split_part",
                                                         "strpos",
                                                         "position",
                                                         "lpad",
                                                         "rpad",
                                                         "initcap",
                                                         "translate",
                                                         "ascii",
                                                         "chr",
                                                         "substr",
                                                         "substring",
                                                         "left",
                                                         "right",
                                                         "replace",
                                                         "reverse",
                                                         "md5",
                                                         "octet_length",
                                                         "regexp_replace",
                                                         "timezone",
                                                         "cardinality",
                                                         "array_length",
                                                         "jsonb_array_length",
                                                         "jsonb_typeof",
                                                         "jsonb_extract_path_text",
                                                         "jsonb_extract_path",
                                                         "int4range",
                                                         "int8range",
                                                         "daterange",
                                                         "tsrange",
                                                         "tstzrange",
                                                         "numrange",
                                                         "hashtext",
                                                         "sha256",
                                                         "character_length",
                                                         "isfinite",
                                                         "make_date",
                                                         "to_hex",
                                                         "repeat",
                                                         "bit_length"});
constexpr auto operators =
    std::to_array<std::string_view>({"+", "-", "*",  "/",  "%", "||", "->", "->>", "#>", "#>>", "&",
                                     "|", "#", "<<", ">>", "=", "<",  ">",  "<=",  ">=", "<>",  "^"});
// With a time zone these depend on the session's.
constexpr auto of_time = std::to_array<std::string_view>({"date_trunc", "date_part", "extract", "date", "::date"});

template <std::size_t N>
bool in(const std::array<std::string_view, N>& all, std::string_view name) {
  return std::find(all.begin(), all.end(), name) != all.end();
}

}  // namespace

bool indexable(const std::vector<std::string>& functions, const RelationColumn* column) {
  const std::string type = column == nullptr ? "" : column->type;
  // Moved into a fixed zone first, a time is one without a zone.
  const bool zoned = type.starts_with("timestamp") && type.ends_with("with time zone") &&
                     !type.ends_with("without time zone") &&
                     std::find(functions.begin(), functions.end(), "timezone") == functions.end();
  const bool of_times = type.starts_with("timestamp") || type == "date" || type.starts_with("time");
  return std::all_of(functions.begin(), functions.end(), [&](const std::string& f) {
    if (in(always, f) || in(operators, f)) return true;
    if (in(of_time, f)) {
      if (type == "date" && f == "date_trunc") return false;  // goes through timestamp with time zone
      return !zoned && (f != "::date" || of_times);
    }
    if (f == "to_tsvector") return true;  // with a configuration; without one the expression has a single argument
    if (f.starts_with("::")) {
      if (of_times) return f == "::timestamp" && !zoned;
      // Text to a time, or to a type we do not know, may depend on settings.
      for (const char* plain :
           {"::text", "::varchar", "::integer", "::bigint", "::smallint", "::numeric", "::boolean", "::uuid",
            "::\"double precision\"", "::double precision", "::real", "::jsonb", "::inet", "::tsvector"})
        if (f == plain) return true;
    }
    return false;
  });
}

}  // namespace pgvigil
