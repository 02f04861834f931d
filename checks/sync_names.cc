#include "checks/sync_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace pgvigil {
namespace {

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
         });
}

struct Token {
  std::string text;
  bool quoted = false;
  bool is(std::string_view word) const { return !quoted && same(text, word); }
};

std::vector<Token> tokens(std::string_view s) {
  std::vector<Token> all;
  for (std::size_t i = 0; i < s.size();) {
    const char c = s[i];
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++i;
    } else if (c == '(' || c == ')' || c == ',' || c == '*') {
      all.push_back({std::string(1, c), false});
      ++i;
    } else if (c == '"') {
      Token t{"", true};
      for (++i; i < s.size() && (s[i] != '"' || (i + 1 < s.size() && s[i + 1] == '"')); ++i) {
        if (s[i] == '"') ++i;
        t.text += s[i];
      }
      ++i;
      all.push_back(std::move(t));
    } else {
      const std::size_t end = std::min(s.size(), s.find_first_of(" \t\n\r(),\"", i));
      all.push_back({std::string(s.substr(i, end - i)), false});
      i = end;
    }
  }
  return all;
}

}  // namespace

bool is_sync_name(std::string_view entry, std::string_view application) {
  return entry == "*" || same(entry, application);
}

SyncNames parse_sync_names(std::string_view setting) {
  SyncNames out;
  const std::vector<Token> all = tokens(setting);
  std::size_t first = 0;
  const auto open = std::find_if(all.begin(), all.end(), [](const Token& t) { return t.is("("); });
  if (open != all.end()) {  // [FIRST | ANY] n (names)
    first = static_cast<std::size_t>(open - all.begin()) + 1;
    for (std::size_t i = 0; i + 1 < first; ++i) {
      out.any = out.any || all[i].is("any");
      int n = 0;
      const auto [end, error] = std::from_chars(all[i].text.data(), all[i].text.data() + all[i].text.size(), n);
      if (error == std::errc() && n > 0) out.needed = n;
    }
  }
  for (std::size_t i = first; i < all.size(); ++i)
    if (all[i].quoted || (all[i].text != "," && all[i].text != "(" && all[i].text != ")"))
      out.names.push_back(all[i].text);
  return out;
}

std::string print_sync_names(const SyncNames& names) {
  if (names.names.empty()) return {};
  std::string list;
  for (const std::string& n : names.names) {
    std::string quoted = "\"";
    for (const char c : n) quoted += c == '"' ? "\"\"" : std::string(1, c);
    list += (list.empty() ? "" : ", ") + (n == "*" ? n : quoted + "\"");
  }
  return fmt::format("{} {} ({})", names.any ? "ANY" : "FIRST",
                     std::min<int>(names.needed, static_cast<int>(names.names.size())), list);
}

}  // namespace pgvigil
