// How the tests read what receivers of alerts are sent.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/made_incident.h"

namespace pgvigil {

using nlohmann::json;

inline std::string without(std::string text, std::string_view word) {
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos;) text.erase(at, word.size());
  return text;
}
inline std::string without_zero_width(std::string text) { return without(std::move(text), "\u200b"); }

// What a reader sees of escaped text.
inline std::string read_markdown(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    const auto entity = [&](std::string_view e, char c) {
      if (!rest.starts_with(e)) return false;
      out += c;
      i += e.size() - 1;
      return true;
    };
    if (rest.size() > 1 && rest[0] == '\\')
      out += text[++i];
    else if (!entity("&amp;", '&') && !entity("&lt;", '<') && !entity("&gt;", '>'))
      out += text[i];
  }
  return without_zero_width(out);
}

inline std::vector<std::string> code_blocks(const std::string& text) {
  std::vector<std::string> all;
  for (std::size_t from = 0; (from = text.find("```", from)) != std::string::npos;) {
    const std::size_t begin = text.find('\n', from) + 1, end = text.find("\n```", begin);
    all.push_back(text.substr(begin, end - begin));
    from = end + 4;
  }
  return all;
}

inline std::string discord_text(const json& made) {
  const json& embed = made["embeds"][0];
  std::string text = made["content"].get<std::string>() + "\n" + embed.value("description", "");
  for (const json& f : embed["fields"])
    text += f["name"].get<std::string>() + "\n" + f["value"].get<std::string>() + "\n";
  return text + embed["footer"]["text"].get<std::string>();
}

inline const json& teams_body(const json& made) { return made["attachments"][0]["content"]["body"]; }
inline std::vector<json> teams_runs(const json& made) {
  std::vector<json> all;
  for (const json& b : teams_body(made))
    for (const json& r : b["inlines"]) all.push_back(r);
  return all;
}
inline std::string teams_text(const json& made) {
  std::string text;
  for (const json& r : teams_runs(made)) text += r["text"].get<std::string>() + "\n";
  for (const json& a : made["attachments"][0]["content"]["actions"]) text += a["url"].get<std::string>() + "\n";
  return text;
}

}  // namespace pgvigil
