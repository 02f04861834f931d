#include "checks/plans/cut_text.h"

#include <algorithm>
#include <cctype>

#include "checks/plans/sql.h"

namespace pgvigil::sql {
namespace {

constexpr std::size_t kLeastPattern = 24;  // bytes that tell something
constexpr std::size_t kLongestPattern = 300;
constexpr std::size_t kMostGaps = 24;   // each % costs the server a search
constexpr std::size_t kMostTries = 60;  // parses of one text

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (static_cast<unsigned char>(c) & 0x80) != 0;
}

// Words, quoted names, ? for parameters and blanked literals, single signs.
std::vector<std::string> tokens(std::string_view text) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t from = i;
    if (std::isspace(static_cast<unsigned char>(text[i])) != 0) {
      ++i;
      continue;
    }
    if (text[i] == '"') {
      i = std::min(text.size(),
                   text.find('"', i + 1) == std::string_view::npos ? text.size() : text.find('"', i + 1) + 1);
    } else if (text[i] == '$' && i + 1 < text.size() && std::isdigit(static_cast<unsigned char>(text[i + 1])) != 0) {
      for (++i; i < text.size() && std::isdigit(static_cast<unsigned char>(text[i])) != 0;) ++i;
      all.emplace_back("?");
      continue;
    } else if (is_word(text[i])) {
      while (i < text.size() && (is_word(text[i]) || text[i] == '$')) ++i;
    } else {
      ++i;
    }
    all.emplace_back(text.substr(from, i - from));
  }
  return all;
}

// (?, ?, ?) is (?), and so is the beginning of one.
std::vector<std::string> without_lists(std::vector<std::string> all) {
  std::vector<std::string> out;
  for (std::string& token : all) {
    if (token == "?" && out.size() >= 2 && out[out.size() - 1] == "," && out[out.size() - 2] == "?")
      out.pop_back();
    else
      out.push_back(std::move(token));
  }
  return out;
}

std::string joined(const std::vector<std::string>& all, std::size_t n) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += (i == 0 ? "" : " ") + all[i];
  return out;
}

// What surely is whole of a cut text.
std::vector<std::string> beginning(std::string_view cut) {
  auto all = without_lists(tokens(cut));
  if (!all.empty()) all.pop_back();
  while (!all.empty() && (all.back() == "," || all.back() == "?")) all.pop_back();
  return all;
}

}  // namespace

std::string skeleton(std::string_view normalised) {
  const auto all = without_lists(tokens(normalised));
  return joined(all, all.size());
}

std::string cut_skeleton(std::string_view normalised) {
  const auto all = beginning(normalised);
  return joined(all, all.size());
}

bool begins(std::string_view cut, std::string_view whole) {
  const auto a = beginning(cut);
  const auto b = without_lists(tokens(whole));
  return !a.empty() && a.size() <= b.size() && std::equal(a.begin(), a.end(), b.begin());
}

std::string like_pattern(std::string_view cut) {
  const auto all = beginning(cut);
  std::string out = "%";
  std::size_t told = 0, gaps = 1;
  for (const std::string& token : all) {
    const bool plain = std::all_of(token.begin(), token.end(),
                                   [](char c) { return c > ' ' && c < 0x7f && c != '%' && c != '\\' && c != '?'; });
    if (out.size() + token.size() > kLongestPattern || gaps >= kMostGaps) break;
    if (plain) {
      out += token;
      told += token.size();
    }
    if (out.back() != '%') out += '%', ++gaps;
  }
  return told < kLeastPattern ? "" : out;
}

std::string mended(std::string_view cut) {
  auto all = tokens(cut);
  for (std::size_t tries = 0; tries < kMostTries && all.size() > 3; ++tries) {
    all.pop_back();
    std::string text;
    int parameter = 0, open = 0;
    for (const std::string& token : all) {
      text += text.empty() ? "" : " ";
      text += token == "?" ? "$" + std::to_string(++parameter) : token;
      open += token == "(" ? 1 : token == ")" ? -1 : 0;
    }
    for (; open > 0; --open) text += ")";
    if (open == 0 && kind(text) != Kind::unparsable && kind(text) != Kind::several) return text;
  }
  return "";
}

}  // namespace pgvigil::sql
