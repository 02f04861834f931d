// Texts that the server has cut at track_activity_query_size: finding the whole one, or reading what is left.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgvigil::sql {

// A normalised text without what differs between two executions, or between a parser's and a scanner's normalising:
// parameters and blanked literals are ?, lists of them are one ?, one blank stands between two words or signs.
std::string skeleton(std::string_view normalised);

// The same without its last word or list, which two executions cut at different places.
std::string cut_skeleton(std::string_view normalised);

// Is this, of which the last word may be cut, the beginning of that? Both normalised.
bool begins(std::string_view cut, std::string_view whole);

// What LIKE takes to find texts that begin so, whatever their literals and blanks: ASCII, no backslash. "" when too
// little is left to look for.
std::string like_pattern(std::string_view cut);

// The longest beginning that is a statement once its parentheses are closed. "" when there is none.
std::string mended(std::string_view cut);

}  // namespace pgvigil::sql
