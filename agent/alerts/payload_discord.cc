#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/alerts/payload.h"
#include "agent/alerts/payload_markdown.h"

namespace pgvigil {
namespace {

using nlohmann::json;

// In characters; bytes are counted, which are never fewer.
constexpr std::size_t title_limit = 256, description_limit = 4096, value_limit = 1024, embed_limit = 6000;
// Of content, which takes 2000 with its line breaks.
constexpr std::size_t content_title = 480, content_line = 750;

int colour(const Message& m) {
  if (m.edge == Notice::Edge::resolved) return 0x2E'A0'43;
  return m.severity == Severity::critical ? 0xD9'2D'20 : 0xF2'A5'00;
}

struct Embed {
  json fields = json::array();
  std::size_t size = 0;  // of all that counts

  void add(const char* name, const std::string& value) {
    if (value.empty()) return;
    fields.push_back({{"name", name}, {"value", value}, {"inline", false}});
    size += std::string_view(name).size() + value.size();
  }
};

std::string undone(const Message& m) {
  std::string text;
  for (const std::string& u : m.undone)
    text += (text.empty() ? "" : "\n") + markdown(u, discord_mark, value_limit / (m.undone.size() + 1));
  return text;
}

std::string links(const Message& m) {
  std::string text;
  for (const Link& l : m.links)
    if (const std::string shown = markdown(l, discord_mark); text.size() + shown.size() + 3 <= value_limit)
      text += (text.empty() ? "" : "   ") + shown;
  return text;
}

}  // namespace

std::string discord_payload(const Message& message) {
  const Message m = bounded(message);
  std::string content = markdown(m.title, discord_mark, content_title), description;
  for (std::size_t i = 0; i < m.lead_lines.size(); ++i)
    if (i < 2)
      content += "\n" + markdown(m.lead_lines[i], discord_mark, content_line);
    else
      description += markdown(m.lead_lines[i], discord_mark, content_line / 2) + "\n";

  Embed embed;
  if (!m.command.empty()) {
    const std::string code = fenced(m.command, discord_mark);
    embed.add("Next", code.size() <= value_limit ? code : markdown(m.command, discord_mark, value_limit));
  }
  embed.add("Left undone", undone(m));
  embed.add("Links", links(m));
  const std::string title = markdown(m.title, discord_mark, title_limit);
  embed.size += title.size() + m.footer.size() + description.size();

  const std::size_t room = std::min(description_limit - description.size(), embed_limit - embed.size);
  const auto size = [](const Piece& s) { return markdown(s, discord_mark).size(); };
  for (const Piece& s : middle(message, room, size)) description += markdown(s, discord_mark);

  json shown{{"title", title}, {"color", colour(m)}, {"fields", embed.fields}};
  if (!description.empty()) shown["description"] = description;
  if (!m.footer.empty()) shown["footer"] = {{"text", m.footer}};
  return dumped(
      {{"content", content}, {"embeds", json::array({shown})}, {"allowed_mentions", {{"parse", json::array()}}}});
}

}  // namespace pgvigil
