#include "agent/alerts/payload_markdown.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace pgvigil {
namespace {

bool alnum_at(std::string_view text, std::size_t at) {
  return at < text.size() && std::isalnum(static_cast<unsigned char>(text[at]));
}

// Of a list, where a line begins: "- ", "+ ", "12. ", "12) ".
bool is_bullet(std::string_view text, std::size_t at) {
  const char c = text[at];
  if (c == '-' || c == '+') return at == 0;
  if (c != '.' && c != ')') return false;
  const auto digit = [](unsigned char d) { return std::isdigit(d) != 0; };
  return at > 0 && std::all_of(text.begin(), text.begin() + at, digit) && !alnum_at(text, at + 1);
}

// An underscore inside a word emphasizes nothing, and names are full of them.
bool is_mark(std::string_view text, std::size_t at) {
  if (text[at] == '_') return at == 0 || !alnum_at(text, at - 1) || !alnum_at(text, at + 1);
  return std::string_view("\\`*~[]<>#|").find(text[at]) != std::string_view::npos || is_bullet(text, at);
}

}  // namespace

std::string_view discord_mark(std::string_view text, std::size_t at) {
  constexpr std::string_view escapes = R"(\\\`\*\~\[\]\<\>\#\|\-\+\.\)\_)";
  if (!is_mark(text, at)) return {};
  std::size_t i = 1;
  while (escapes[i] != text[at]) i += 2;
  return escapes.substr(i - 1, 2);
}

std::string_view mattermost_mark(std::string_view text, std::size_t at) {
  switch (text[at]) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    default:
      return discord_mark(text, at);
  }
}

std::string markdown(std::string_view text, Escape mark, std::size_t max_bytes) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return escaped(defused(text), max_bytes, mark);
}

std::string fenced(std::string_view code, Escape mark, std::string_view language) {
  if (code.find("```") != std::string_view::npos) return markdown(code, mark);
  return fmt::format("```{}\n{}\n```", language, code);
}

std::string markdown(const Piece& s, Escape mark) {
  std::string out;
  if (!s.label.empty()) out = "**" + markdown(s.label, mark) + "**";
  if (!s.where.empty()) out += " (" + markdown(s.where, mark) + ")";
  if (!s.text.empty()) out += (out.empty() ? "" : s.step ? "\n" : " ") + markdown(s.text, mark);
  if (!s.sql.empty()) out += "\n" + fenced(s.sql, mark, "sql");
  return out + "\n";
}

std::string markdown(const Link& link, Escape mark) {
  std::string url;
  for (const char c : link.url) {
    const bool plain = c > ' ' || (c & 0x80);
    if (plain && std::string_view("()<>[]\\|\"`*").find(c) == std::string_view::npos)
      url += c;
    else
      url += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return "[" + markdown(link.label, mark) + "](" + url + ")";
}

}  // namespace pgvigil
