#include <nlohmann/json.hpp>

#include "agent/alerts/payload.h"
#include "agent/alerts/payload_markdown.h"

namespace pgvigil {
namespace {

constexpr std::size_t text_limit = 16'383;  // characters; bytes are counted, which are never fewer

// What stands before and behind the middle.
struct Frame {
  std::string head, tail;
};

Frame frame(const Message& m) {
  const auto line = [](std::string_view text) { return markdown(text, mattermost_mark) + "\n"; };
  Frame f;
  f.head = "**" + markdown(m.title, mattermost_mark) + "**\n";
  for (const std::string& l : m.lead_lines) f.head += line(l);
  if (!m.command.empty()) f.tail += "**Next:**\n" + fenced(m.command, mattermost_mark) + "\n";
  for (const std::string& u : m.undone) f.tail += "**Left undone:** " + line(u);
  std::string links;
  for (const Link& l : m.links) links += (links.empty() ? "" : "   ") + markdown(l, mattermost_mark);
  if (!links.empty()) f.tail += links + "\n";
  f.tail += markdown(m.footer, mattermost_mark);
  return f;
}

}  // namespace

std::string mattermost_payload(const Message& m) {
  Frame kept;
  std::size_t used = text_limit;
  for (std::size_t part = 1; used > text_limit / 4 * 3 && part <= 64; part *= 2) {
    kept = frame(bounded(m, part));
    used = kept.head.size() + kept.tail.size();
  }
  std::string text = kept.head;
  const auto size = [](const Piece& s) { return markdown(s, mattermost_mark).size(); };
  for (const Piece& s : middle(m, text_limit - used, size)) text += markdown(s, mattermost_mark);
  return dumped(nlohmann::json{{"text", text + kept.tail}});
}

}  // namespace pgvigil
