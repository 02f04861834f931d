// Texts that have no plan on any server: nobody asks for one, and who looks for it is told why.
#pragma once

#include <optional>
#include <string_view>

namespace pgvigil {

struct NoPlan {
  std::string_view reason;  // in a word: not_plannable, several_statements, privilege
  std::string_view error;   // in a sentence
};

inline constexpr NoPlan utility_statement{"not_plannable", "not a query: utility statements have no plan"};
inline constexpr NoPlan several_statements{"several_statements", "several statements in one text"};

// Null also for what our parser does not know: it may be newer grammar, and the server decides.
std::optional<NoPlan> no_plan(std::string_view text);

}  // namespace pgvigil
