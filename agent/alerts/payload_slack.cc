#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/alerts/payload.h"
#include "agent/alerts/payload_text.h"

namespace pgvigil {
namespace {

using nlohmann::json;

constexpr std::size_t header_limit = 150, section_limit = 3000, text_limit = 3500, block_limit = 50;

std::string_view entity(std::string_view text, std::size_t at) {
  switch (text[at]) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    default:
      return {};
  }
}

// `verbatim`: Slack makes no links or mentions out of names. `text` is escaped already.
json section(std::string text) {
  return {{"type", "section"}, {"text", {{"type", "mrkdwn"}, {"text", std::move(text)}, {"verbatim", true}}}};
}
json labelled(std::string_view label, std::string_view text) {
  return section(fmt::format("*{}* {}", label, slack_escape(text, section_limit - label.size() - 3)));
}

// A link as Slack writes it; from the configuration, so only its own marks must not end it early.
std::string link(const Link& l) {
  std::string url;
  for (const char c : l.url)
    url += c == '|' ? "%7C" : c == '<' ? "%3C" : c == '>' ? "%3E" : c == '&' ? "&amp;" : std::string(1, c);
  return url.size() > 1000 ? std::string() : fmt::format("<{}|{}>", url, slack_escape(l.label, 100));
}

// Backticks cannot be escaped in mrkdwn: a command that holds one is shown without its frame.
std::string code(std::string_view text) {
  const bool framed = text.find('`') == std::string_view::npos;
  const std::string shown = slack_escape(text, 1000);
  return framed ? "`" + shown + "`" : shown;
}

json paste(const Paste& p) {
  std::string text = "*" + slack_escape(p.title, 250) + "*";
  if (!p.where.empty()) text += " (" + slack_escape(p.where, 250) + ")";
  if (!p.note.empty()) text += "\n" + slack_escape(p.note, 600);
  constexpr std::string_view open = "\n```\n", close = "\n```";
  if (!p.sql.empty() && text.size() + escaped_size(p.sql, entity) + open.size() + close.size() <= section_limit)
    text.append(open).append(slack_escape(p.sql, section_limit)).append(close);
  else if (!p.sql.empty())
    text += "\nthe statement is too long to show here: run the command below";
  return section(std::move(text));
}

}  // namespace

std::string slack_escape(std::string_view text, std::size_t max_bytes) { return escaped(text, max_bytes, entity); }

std::string slack_payload(const Message& m) {
  json blocks = json::array();
  blocks.push_back(
      {{"type", "header"},
       {"text", {{"type", "plain_text"}, {"text", slack_escape(m.title, header_limit)}, {"emoji", false}}}});
  std::string lead;
  for (const std::string& line : m.lead_lines) lead += (lead.empty() ? "" : "\n") + line;
  if (m.title.size() > header_limit) lead.insert(0, m.title + "\n");
  if (!lead.empty()) blocks.push_back(section(slack_escape(lead, section_limit)));
  if (!m.why.empty()) blocks.push_back(labelled("Why we think so:", m.why));
  if (!m.not_cause.empty()) blocks.push_back(labelled("Not the cause:", m.not_cause));
  if (!m.remedy.empty()) blocks.push_back(labelled("Cure:", m.remedy));
  for (const Paste& p : m.paste) blocks.push_back(paste(p));
  for (const std::string& u : m.undone) blocks.push_back(labelled("Left undone:", u));
  std::string next;
  if (m.more_steps > 0) next = fmt::format("{} more steps are not shown. ", m.more_steps);
  if (!m.command.empty()) next += "*Next:* " + code(m.command);
  for (const Link& l : m.links)
    if (const std::string shown = link(l); !shown.empty() && next.size() + shown.size() + 3 <= section_limit)
      next += (next.empty() ? "" : "   ") + shown;
  // The last two say where to go on and which incident it is: they stay when there are too many.
  while (blocks.size() > block_limit - 2) blocks.erase(blocks.size() - 1);
  if (!next.empty()) blocks.push_back(section(next));
  blocks.push_back({{"type", "context"},
                    {"elements", {{{"type", "mrkdwn"}, {"text", slack_escape(m.footer, 2000)}, {"verbatim", true}}}}});
  std::string text = m.title;
  for (std::size_t i = 0; i < std::min<std::size_t>(m.lead_lines.size(), 2); ++i) text += "\n" + m.lead_lines[i];
  return dumped({{"text", slack_escape(text, text_limit)}, {"blocks", std::move(blocks)}});
}

}  // namespace pgvigil
