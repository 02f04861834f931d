// What the payloads of alerts share: cutting a message to a receiver's room, escaping, listing SQL. Pure.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "agent/core/message.h"

namespace pgvigil {

inline constexpr std::string_view truncated = "... (truncated)";
inline constexpr const char* cannot_be_shown = "the statement cannot be shown here as it is: run the command below";

// What stands for the character at `at`; "" when it stands for itself.
using Escape = std::string_view (*)(std::string_view text, std::size_t at);
std::size_t escaped_size(std::string_view text, Escape escape);
// Cut to max_bytes after escaping, on a character and never inside an escape, saying so.
std::string escaped(std::string_view text, std::size_t max_bytes, Escape escape);

// Zero width spaces where a receiver would make a mention, an address or a link out of a name.
std::string defused(std::string_view text);

// What a reader cannot do without, in few bytes: title 500, two lead lines of 1500 and ten of 250, command 900, five
// of what was left undone of 300, footer 400, all divided by `part`; three links of 900. On one line each, without
// controls and invalid UTF-8. The rest is as it was.
Message bounded(Message message, std::size_t part = 1);

// A piece of what may be cut: why, what it is not, the cure and its steps.
struct Piece {
  std::string label = {};  // "Why we think so:", or what a step does; "" has none
  std::string where = {};  // steps: database and role
  std::string text = {};
  std::string sql = {};  // to paste: whole or not at all
  bool step = false;
};
// In the order of reading, as many as fit: the sum of `size` is at most `room`. The last one says what is not shown.
std::vector<Piece> middle(const Message& message, std::size_t room,
                          const std::function<std::size_t(const Piece&)>& size);

// The steps' SQL, each under a comment that says what it does. Statements that do not fit are counted in the last line.
std::string statements(const Message& message, std::size_t max_bytes = std::string::npos);
std::string lines(const std::vector<std::string>& all, std::size_t max_bytes);
std::string page_url(const Message& message);  // "" when nothing leads to it

std::string dumped(const nlohmann::json& json);  // invalid UTF-8 is replaced

}  // namespace pgvigil
