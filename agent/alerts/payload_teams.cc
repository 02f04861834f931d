#include <nlohmann/json.hpp>

#include "agent/alerts/payload.h"
#include "agent/alerts/payload_text.h"

namespace pgvigil {
namespace {

using nlohmann::json;

constexpr std::size_t body_limit = 20'000;  // bytes of the whole; Teams refuses 28 KB of what it makes of them

// All text is in runs, which know no Markdown: phones do not honour its escapes everywhere.
json run(std::string_view text, json style = json::object()) {
  style["type"] = "TextRun";
  style["text"] = text;
  return style;
}
json strong(std::string_view text) { return run(text, json{{"weight", "Bolder"}}); }

json block(std::initializer_list<json> runs, const char* spacing = "Default") {
  return {{"type", "RichTextBlock"}, {"spacing", spacing}, {"inlines", json::array_t(runs)}};
}

// {{DATE(...)}} and {{TIME(...)}} are replaced by the client, even in a run.
bool is_replaced(std::string_view text) {
  return text.find("{{DATE(") != std::string_view::npos || text.find("{{TIME(") != std::string_view::npos;
}
std::string shown(std::string_view text) {
  std::string out = defused(text);
  if (is_replaced(text))
    for (std::size_t at = 0; (at = out.find("{{", at)) != std::string::npos;) out.insert(++at, "\u200b");
  return out;
}

json code(std::string_view text) { return block({run(text, {{"fontType", "Monospace"}})}, "Small"); }

// A step's note has a block of its own: phones drop a line break at the edge of a run.
std::vector<json> blocks(const Piece& s) {
  std::vector<json> all;
  json first = block({});
  json& runs = first["inlines"];
  if (!s.label.empty()) runs.push_back(strong(shown(s.label)));
  if (!s.where.empty()) runs.push_back(run(" (" + shown(s.where) + ")"));
  if (!s.text.empty() && !s.step) runs.push_back(run((runs.empty() ? "" : " ") + shown(s.text)));
  if (!runs.empty()) all.push_back(std::move(first));
  if (!s.text.empty() && s.step) all.push_back(block({run(shown(s.text))}, "None"));
  if (!s.sql.empty()) all.push_back(is_replaced(s.sql) ? block({run(cannot_be_shown)}, "None") : code(s.sql));
  return all;
}

json title(const Message& m) {
  const char* colour = m.edge == Notice::Edge::resolved   ? "Good"
                       : m.severity == Severity::critical ? "Attention"
                                                          : "Warning";
  return block({run(shown(m.title), {{"weight", "Bolder"}, {"size", "Medium"}, {"color", colour}})});
}

json message(json body, json actions) {
  json card{{"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"},
            {"type", "AdaptiveCard"},
            {"version", "1.4"},
            {"body", std::move(body)},
            {"msteams", {{"width", "full"}}}};
  if (!actions.empty()) card["actions"] = std::move(actions);
  const json attachment{{"contentType", "application/vnd.microsoft.card.adaptive"},
                        {"contentUrl", nullptr},
                        {"content", std::move(card)}};
  return {{"type", "message"}, {"attachments", json::array({attachment})}};
}

// What stands before and behind the middle.
struct Frame {
  std::vector<json> head = {}, tail = {};
  json actions = json::array();
  json with(const std::vector<json>& between) const {
    std::vector<json> body = head;
    body.insert(body.end(), between.begin(), between.end());
    body.insert(body.end(), tail.begin(), tail.end());
    return message(std::move(body), actions);
  }
};

Frame frame(const Message& m) {
  Frame f;
  f.head.push_back(title(m));
  for (const std::string& line : m.lead_lines) f.head.push_back(block({run(shown(line))}, "Small"));
  if (!m.command.empty()) {
    f.tail.push_back(block({strong("Next:")}));
    f.tail.push_back(is_replaced(m.command) ? block({run(shown(m.command))}) : code(m.command));
  }
  for (const std::string& u : m.undone) f.tail.push_back(block({strong("Left undone: "), run(shown(u))}));
  for (const Link& l : m.links) f.actions.push_back({{"type", "Action.OpenUrl"}, {"title", l.label}, {"url", l.url}});
  if (!m.footer.empty()) f.tail.push_back(block({run(shown(m.footer), {{"isSubtle", true}, {"size", "Small"}})}));
  return f;
}

}  // namespace

std::string teams_payload(const Message& m) {
  Frame kept;
  std::size_t used = body_limit;
  for (std::size_t part = 1; used > body_limit / 4 * 3 && part <= 64; part *= 2) {
    kept = frame(bounded(m, part));
    used = dumped(kept.with({})).size();
  }
  const auto size = [](const Piece& s) {
    std::size_t n = 0;
    for (const json& b : blocks(s)) n += dumped(b).size() + 1;
    return n;
  };
  std::vector<json> between;
  for (const Piece& s : middle(m, body_limit - used, size))
    for (json& b : blocks(s)) between.push_back(std::move(b));
  return dumped(kept.with(between));
}

}  // namespace pgvigil
