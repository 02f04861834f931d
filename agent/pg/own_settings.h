// What a text asks with current_setting and its own session has set: "app.user_id". Its value is not ours to know; one
// that most types can read stands for it, and the planner then goes by the average.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/pg/session.h"

namespace pgvigil::pg {

using OwnSettings = std::map<std::string, std::string_view>;  // by name, and what stands in for its value

// Whether the refusal told of one more, or of a value that cannot be read as what it should be.
bool learn(OwnSettings& known, const Outcome& refusal);

// For the transaction.
void set_own(std::vector<Command>& commands, const OwnSettings& own);

}  // namespace pgvigil::pg
