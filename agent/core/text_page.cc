#include "agent/core/text_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "agent/core/report_words.h"
#include "agent/core/text.h"

namespace pgvigil {
namespace {

// Columns a UTF-8 text takes, near enough: code points.
std::size_t columns(std::string_view s) {
  return static_cast<std::size_t>(
      std::count_if(s.begin(), s.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string without_colour(std::string_view s) {
  std::string plain;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '\x1b')
      i = std::min(s.find('m', i), s.size());
    else
      plain += s[i];
  }
  return plain;
}

// For a terminal that shows nothing else: each other character as "?".
std::string ascii(std::string_view s) {
  std::string plain;
  for (const char c : s)
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) plain += static_cast<unsigned char>(c) < 0x80 ? c : '?';
  return plain;
}

}  // namespace

Page::Page(const TextOptions& options)
    : width_(static_cast<std::size_t>(std::max(40, options.width))), colour_(options.colour), ascii_(options.ascii) {}

void Page::heading(std::string_view text, std::string_view aside) {
  out_ += "\n  " + bold(text) + (aside.empty() ? "" : "   " + std::string(aside)) + "\n";
}

void Page::paragraph(std::string_view first, std::size_t indent, std::string_view text) {
  std::string line(first);
  std::size_t used = columns(without_colour(line));
  bool fresh = true;
  std::string word;
  const auto flush = [&] {
    if (word.empty()) return;
    const std::size_t n = columns(word);
    if (!fresh && used + 1 + n > width_) {
      out_ += line + "\n";
      line.assign(indent, ' ');
      used = indent;
      fresh = true;
    }
    if (!fresh) line += ' ', ++used;
    line += word;
    used += n;
    fresh = false;
    word.clear();
  };
  const std::string clean = ascii_ ? ascii(one_line(text)) : one_line(text);
  for (const char c : clean) {
    if (c == ' ')
      flush();
    else
      word += c;
  }
  flush();
  out_ += line + "\n";
}

void Page::sql(std::size_t indent, std::string_view text) {
  std::size_t from = 0;
  while (from <= text.size()) {
    const std::size_t to = std::min(text.find('\n', from), text.size());
    out_ += std::string(indent, ' ') + one_line(text.substr(from, to - from)) + "\n";
    from = to + 1;
  }
}

void Page::step(const Step& s, std::string_view label) {
  paragraph(label, 4, s.title);
  paragraph("    ", 6, place(s));
  sql(6, s.sql);
  if (s.preflight) paragraph("    preflight: ", 6, told(*s.preflight));
  if (!s.caution.empty()) paragraph("    caution: ", 6, s.caution);
  if (!s.undo.empty()) paragraph("    undo: ", 6, s.undo);
}

std::string Page::bold(std::string_view text) const {
  return colour_ ? "\x1b[1m" + std::string(text) + "\x1b[0m" : std::string(text);
}

std::string Page::alarm(std::string_view word, Severity s) const {
  std::string big(word);
  std::transform(big.begin(), big.end(), big.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (!colour_) return big;
  const char* code = s == Severity::critical ? "1;31" : s == Severity::warning ? "1;33" : "1;32";
  return fmt::format("\x1b[{}m{}\x1b[0m", code, big);
}

}  // namespace pgvigil
