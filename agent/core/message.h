// One rendering of an incident in words, for every receiver: table and columns first, then harm, why, what it is
// not, and what to paste next. Pure. Names come from a hostile world: the text here holds no control characters, no
// line breaks inside a line and no invalid UTF-8; each receiver escapes its own markup on top.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/core/alerting.h"
#include "agent/core/text.h"

namespace pgvigil {

struct MessageOptions {
  std::string external_url = {};  // of the agent's page, as a phone can open it; "" has no link
  std::string diagnose_command = "pgvigil diagnose {target}";  // what to type next; {target} is quoted for a shell
  std::string runbook_url = {};                                // the check's id is put for {check}, else appended
};

struct Paste {
  std::string title;  // what it does
  std::string where;  // database and role
  std::string sql;    // whole statements; "" when it cannot be shown as it is
  std::string note;   // duration, lock, caution
};

struct Link {
  std::string label, url;
};

struct Message {
  Notice::Edge edge = Notice::Edge::firing;
  Severity severity = Severity::warning;
  std::string title;                    // "[CRITICAL] codeintel: ..."
  std::vector<std::string> lead_lines;  // what with table (columns), how bad; a phone shows title and these
  std::string why;                      // the evidence and its confidence; "" when there is none
  std::string not_cause;                // what was looked at and is fine
  std::vector<Paste> paste;             // the cure, in order; bounded
  std::size_t more_steps = 0;           // that did not fit
  std::string remedy;                   // the cure in a sentence
  std::string command;                  // to type next, in a shell
  std::vector<std::string> undone;      // resolved: what was left behind
  std::vector<std::string> objects;     // "public.t (a, b)": every table of the incident
  std::vector<std::string> symptoms;
  std::vector<Link> links;
  std::string footer;  // since, id, what was grouped
};

// `report` is the one that made the notice; it gives the figures of now.
Message render(const Notice& notice, const Report& report, const MessageOptions& options);
// As plain text, one block a paragraph; what a terminal or a receiver without markup shows.
std::string plain_text(const Message& message);

}  // namespace pgvigil
