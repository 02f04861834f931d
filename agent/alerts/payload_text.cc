#include "agent/alerts/payload_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <nlohmann/json.hpp>

namespace pgvigil {
namespace {

constexpr std::string_view zero_width_space = "\u200b";

bool begins_word(std::string_view text, std::size_t at) {
  return at < text.size() && (std::isalnum(static_cast<unsigned char>(text[at])) || (text[at] & 0x80));
}

// "www." or "www2." ends at `dot`.
bool ends_www(std::string_view text, std::size_t dot) {
  std::size_t at = dot;
  while (at > 0 && dot - at < 3 && std::isdigit(static_cast<unsigned char>(text[at - 1]))) --at;
  const auto is_w = [](unsigned char c) { return std::tolower(c) == 'w'; };
  return at >= 3 && std::all_of(text.begin() + at - 3, text.begin() + at, is_w);
}

std::string one_line_of(std::string_view text, std::size_t max_bytes) { return cut(one_line(text), max_bytes); }

// Each on one line; those behind the last limit are left out, which is said in their place.
void bound(std::vector<std::string>& all, std::initializer_list<std::size_t> limits, std::size_t part) {
  const bool more = all.size() > limits.size();
  all.resize(std::min(all.size(), limits.size()));
  auto limit = limits.begin();
  for (std::string& line : all) line = one_line_of(line, *limit++ / part);
  if (more) all.emplace_back(truncated);
}

Piece step(const Paste& p) {
  Piece s{.label = one_line_of(p.title, 250),
          .where = one_line_of(p.where, 250),
          .text = one_line_of(p.note, 600),
          .sql = p.sql,
          .step = true};
  if (s.sql.find("```") != std::string::npos) {
    s.text = cannot_be_shown;
    s.sql.clear();
  }
  return s;
}

Piece not_shown(std::size_t steps, bool cut_off) {
  Piece s;
  if (steps > 0) s.text = fmt::format("{} more step{} not shown", steps, steps == 1 ? " is" : "s are");
  if (cut_off) s.text += (s.text.empty() ? "" : " ") + std::string(truncated);
  return s;
}

}  // namespace

std::size_t escaped_size(std::string_view text, Escape escape) {
  std::size_t n = 0;
  for (std::size_t at = 0; at < text.size(); ++at) n += std::max<std::size_t>(1, escape(text, at).size());
  return n;
}

std::string escaped(std::string_view text, std::size_t max_bytes, Escape escape) {
  const bool whole = escaped_size(text, escape) <= max_bytes;
  const std::size_t room = whole ? max_bytes : max_bytes > truncated.size() ? max_bytes - truncated.size() : 0;
  std::string out;
  std::size_t read = 0;
  while (read < text.size()) {
    std::size_t end = read + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    const std::string_view e = escape(text, read);
    const std::string_view next = e.empty() ? text.substr(read, end - read) : e;
    if (out.size() + next.size() > room) break;
    out += next;
    read = end;
  }
  if (!whole && max_bytes > truncated.size()) out += truncated;
  return out;
}

std::string defused(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.' && ends_www(text, at)) out += zero_width_space;
    out += c;
    if ((c == '@' && begins_word(text, at + 1)) || (c == ':' && text.substr(at + 1).starts_with('/')))
      out += zero_width_space;
  }
  return out;
}

Message bounded(Message m, std::size_t part) {
  m.title = one_line_of(m.title, 500 / part);
  bound(m.lead_lines, {1500, 1500, 250, 250, 250, 250, 250, 250, 250, 250, 250, 250}, part);
  m.command = one_line_of(m.command, 900 / part);
  bound(m.undone, {300, 300, 300, 300, 300}, part);
  std::erase_if(m.links, [&](const Link& l) { return l.url.empty() || l.url.size() > 900; });
  if (m.links.size() > 3) m.links.resize(3);
  for (Link& l : m.links) l = {one_line_of(l.label, 100), one_line(l.url)};
  m.footer = one_line_of(m.footer, 400 / part);
  return m;
}

std::vector<Piece> middle(const Message& m, std::size_t room, const std::function<std::size_t(const Piece&)>& size) {
  std::vector<Piece> all, steps;
  std::size_t spare = room;
  for (const Paste& p : m.paste) {
    steps.push_back(step(p));
    spare -= std::min(spare, size(steps.back()));
  }
  // So much that the three of them leave the steps what they need, and a half of the room when that is not enough.
  const std::size_t most_prose = std::max(spare / 4, room / 6);
  const auto prose = [&](const char* label, const std::string& text) {
    if (!text.empty()) all.push_back({.label = label, .text = one_line_of(text, most_prose)});
  };
  prose("Why we think so:", m.why);
  prose("Not the cause:", m.not_cause);
  prose("Cure:", m.remedy);
  std::move(steps.begin(), steps.end(), std::back_inserter(all));

  std::size_t left = room, hidden = m.more_steps;
  const std::size_t last = size(not_shown(999'999, true));
  const auto fits = [&](const Piece& s) { return size(s) + last <= left; };
  std::vector<Piece> shown;
  bool cut_off = false;
  for (Piece& s : all) {
    if (!cut_off && !s.sql.empty() && !fits(s)) {
      s.text = "the statement is too long to show here: run the command below";
      s.sql.clear();
    }
    cut_off = cut_off || !fits(s);
    if (cut_off) {
      hidden += s.step ? 1 : 0;
    } else {
      left -= size(s);
      shown.push_back(std::move(s));
    }
  }
  if ((hidden > 0 || cut_off) && last <= left) shown.push_back(not_shown(hidden, cut_off));
  return shown;
}

std::string statements(const Message& m, std::size_t max_bytes) {
  std::string text;
  for (std::size_t i = 0; i < m.paste.size(); ++i) {
    const Paste& p = m.paste[i];
    std::string next =
        fmt::format("{}-- {}{}\n", text.empty() ? "" : "\n", p.title, p.where.empty() ? "" : " (" + p.where + ")");
    next += p.sql.empty() ? "-- " + p.note : p.sql;
    if (next.size() > max_bytes - std::min(max_bytes, text.size()))
      return text + fmt::format("{}-- {}", text.empty() ? "" : "\n", not_shown(m.paste.size() - i, true).text);
    text += next;
  }
  return text;
}

std::string lines(const std::vector<std::string>& all, std::size_t max_bytes) {
  std::string text;
  for (const std::string& line : all) text += (text.empty() ? "" : "\n") + line;
  return cut(text, max_bytes);
}

std::string page_url(const Message& m) {
  for (const Link& l : m.links)
    if (l.label == "Page") return l.url;
  return {};
}

std::string dumped(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace pgvigil
