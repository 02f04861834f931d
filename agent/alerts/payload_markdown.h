// Markdown as chats show it. Names come from a hostile world: nothing in them is markup, a mention or a link. Pure.
#pragma once

#include <string>
#include <string_view>

#include "agent/alerts/payload_text.h"

namespace pgvigil {

std::string_view discord_mark(std::string_view text, std::size_t at);     // an Escape: a backslash before each mark
std::string_view mattermost_mark(std::string_view text, std::size_t at);  // an Escape: the same, < > & as entities

// One line of text, escaped and defused, in at most max_bytes; it may begin a line.
std::string markdown(std::string_view text, Escape mark, std::size_t max_bytes = std::string::npos);
std::string fenced(std::string_view code, Escape mark, std::string_view language = {});  // to be copied as it is
std::string markdown(const Piece& piece, Escape mark);                                   // ends with a line break
std::string markdown(const Link& link, Escape mark);

}  // namespace pgvigil
