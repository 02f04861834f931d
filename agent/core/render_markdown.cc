#include "agent/core/render_markdown.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "agent/core/report_words.h"
#include "agent/core/text.h"

namespace pgvigil {
namespace {

// Names come from a hostile world: what has a meaning in Markdown or HTML is shown as it stands.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : one_line(text)) {
    if (c == '<')
      out += "&lt;";
    else if (c == '&')
      out += "&amp;";
    else {
      if (std::string_view("\\`*_[]|#>~").find(c) != std::string_view::npos) out += '\\';
      out += c;
    }
  }
  return out;
}

// A fence longer than any run of backticks inside.
std::string fenced(std::string_view sql, std::string_view indent) {
  std::size_t longest = 0, run = 0;
  for (const char c : sql) longest = std::max(longest, run = c == '`' ? run + 1 : 0);
  const std::string fence(std::max<std::size_t>(3, longest + 1), '`');
  std::string out = fmt::format("{}{}sql\n", indent, fence);
  for (std::size_t from = 0; from <= sql.size();) {
    const std::size_t to = std::min(sql.find('\n', from), sql.size());
    out += fmt::format("{}{}\n", indent, one_line(sql.substr(from, to - from)));
    from = to + 1;
  }
  return out + fmt::format("{}{}\n", indent, fence);
}

std::string incident(const Incident& i, std::size_t number, double active) {
  std::string out = fmt::format("\n### {}{}\n", number == 1 ? "Why" : fmt::format("Also ({})", number),
                                i.since ? ", since " + utc(*i.since) : "");
  std::set<Object> shown;
  std::size_t n = 0;
  for (const Finding& f : i.causes) {
    if (!shown.insert(f.object).second) continue;
    out += fmt::format("{}. {}\n", ++n, escaped(told(f, active)));
    for (const Evidence& e : f.evidence) out += fmt::format("   - {}: {}\n", escaped(e.what), escaped(e.value));
    if (!f.basis.empty()) out += fmt::format("   - confidence {}: {}\n", to_string(f.confidence), escaped(f.basis));
  }
  for (const std::string& s : i.suspects) out += fmt::format("- nearest: {}\n", escaped(s));
  for (const Finding& f : i.events)
    out += fmt::format("- event{}: {}\n", f.since ? " " + utc(*f.since) : "", escaped(f.sentence));
  if (!i.symptoms.empty()) out += i.explained ? "\nIt explains:\n" : "\nSeen with it:\n";
  for (const Finding& f : i.symptoms) out += fmt::format("- {}\n", escaped(f.sentence));
  return out;
}

std::string remedies(const Report& r, Remedy::Kind kind) {
  const Steps all = steps(r, kind);
  if (all.empty()) return {};
  std::string out = kind == Remedy::Kind::first_aid ? "\n### First aid\n" : "\n### Cure\n";
  std::size_t n = 0;
  const auto step = [&](const Step& s, bool straight) {
    out += fmt::format("{}. {}{}\n\n   {}\n\n", ++n, straight ? "" : "or: ", escaped(s.title), escaped(place(s)));
    out += fenced(s.sql, "   ");
    if (s.preflight) out += fmt::format("\n   preflight: {}\n", escaped(told(*s.preflight)));
    if (!s.caution.empty()) out += fmt::format("\n   caution: {}\n", escaped(s.caution));
    if (!s.undo.empty()) out += "\n   undo:\n\n" + fenced(s.undo, "   ");
  };
  for (const Step* s : all.straight) step(*s, true);
  for (const Step* s : all.other) step(*s, false);
  for (const std::string& w : all.words) out += fmt::format("- {}\n", escaped(w));
  return out;
}

template <class T, class F>
std::string bullets(std::string_view heading, const std::vector<T>& all, F one) {
  std::string out;
  for (const T& t : all) out += "- " + escaped(one(t)) + "\n";
  return out.empty() ? out : fmt::format("\n### {}\n{}", heading, out);
}

}  // namespace

std::string render_markdown(const Report& r) {
  std::string out = fmt::format("## {}: {}\n", verdict_word(r), escaped(first_line(r)));
  if (!r.past.empty()) out += fmt::format("**past** {}\n\n", escaped(r.past));
  if (!r.reason.empty()) {
    std::string label(second_label(r));
    std::transform(label.begin(), label.end(), label.begin(), [](unsigned char c) { return std::tolower(c); });
    out += fmt::format("{}{}\n", label.empty() ? "" : "**" + label + "** ", escaped(r.reason));
  }
  out += "\n";
  for (const Fact& f : facts(r)) {
    std::string label(f.label);
    std::transform(label.begin(), label.end(), label.begin(), [](unsigned char c) { return std::tolower(c); });
    out += fmt::format("- **{}** {}\n", label, escaped(f.text));
  }
  for (std::size_t i = 0; i < r.incidents.size(); ++i) out += incident(r.incidents[i], i + 1, r.load.active);
  out += remedies(r, Remedy::Kind::first_aid) + remedies(r, Remedy::Kind::cure);
  out += bullets("Events", r.events, [](const Finding& f) { return f.sentence; });
  out += bullets("Ruled out", r.ruled_out, [](const RuledOut& o) { return told(o); });
  out += bullets("Posture", r.posture,
                 [](const Finding& f) { return fmt::format("{} ({}, {})", f.sentence, f.check, to_string(f.act_by)); });
  out += bullets("Blind spots", r.blind_spots, [](const BlindSpot& b) {
    return b.what + ": " + b.why + (b.mend.empty() ? "" : "; mend: " + b.mend);
  });
  if (r.changes)
    out += bullets(fmt::format("What changed since {}", utc(r.changes->since)), r.changes->all,
                   [](const Change& c) { return c.sentence; });
  if (!r.past.empty()) return out;
  return out + fmt::format("\ncost of this look: {}\n", escaped(told(r.cost)));
}

}  // namespace pgvigil
