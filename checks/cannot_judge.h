// Not seen is not ruled out: thrown by a check whose probes answered with holes.
#pragma once

#include <stdexcept>
#include <string>

#include "checks/check.h"

namespace pgvigil {

// What a check's evaluate throws when it would have to say "nothing found" about what it was not shown.
struct CannotJudge : std::runtime_error {
  CannotJudge(const std::string& why, std::string with) : std::runtime_error(why), mend(std::move(with)) {}
  std::string mend;  // SQL that would let us see
};

// Are the statements of other roles hidden from us? The server then answers without an error.
bool blind(const Input& in);
// Throws CannotJudge where they are.
void need_sight(const Input& in);

}  // namespace pgvigil
