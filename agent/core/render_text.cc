#include "agent/core/render_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "agent/core/report_words.h"
#include "agent/core/text.h"
#include "agent/core/text_page.h"

namespace pgvigil {
namespace {

void finding(const Finding& f, std::string_view label, double active, Page& page) {
  page.paragraph(label, 4, told(f, active));
  for (const Evidence& e : f.evidence) page.paragraph("      ", 8, e.what + ": " + e.value);
  if (!f.basis.empty()) page.paragraph("      ", 8, fmt::format("confidence {}: {}", to_string(f.confidence), f.basis));
}

void incident(const Incident& i, std::size_t number, double active, Page& page) {
  std::string since = i.since ? "since " + utc(*i.since) : std::string();
  page.heading(number == 1 ? "WHY" : fmt::format("ALSO {}", number), since);
  std::set<Object> shown;
  std::size_t n = 0;
  for (const Finding& f : i.causes)
    if (shown.insert(f.object).second) finding(f, fmt::format("  {} ", ++n), active, page);
  for (const std::string& s : i.suspects) page.paragraph("    nearest: ", 6, s);
  for (const Finding& f : i.events)
    page.paragraph("    event: ", 6, (f.since ? utc(*f.since) + " " : std::string()) + f.sentence);
  if (!i.symptoms.empty()) {
    page.heading(i.explained ? "WHAT IT EXPLAINS" : "SEEN WITH IT");
    for (const Finding& f : i.symptoms) page.paragraph("    ", 6, f.sentence);
  }
}

void remedies(const Report& r, Page& page) {
  for (const auto kind : {Remedy::Kind::first_aid, Remedy::Kind::cure}) {
    const Steps all = steps(r, kind);
    if (all.empty()) continue;
    page.heading(kind == Remedy::Kind::first_aid ? "FIRST AID" : "CURE", "(pgvigil runs none of it)");
    std::size_t n = 0;
    for (const Step* s : all.straight) page.step(*s, fmt::format("  {} ", ++n));
    for (const Step* s : all.other) page.step(*s, "  or: ");
    for (const std::string& w : all.words) page.paragraph("  - ", 4, w);
  }
}

void changes_text(const Changes& c, Time now, Page& page) {
  page.heading("WHAT CHANGED",
               fmt::format("(since {}, {})", utc(c.since), span_in_words(seconds_between(c.since, now))));
  if (c.all.empty() && c.unknown.empty()) page.paragraph("    ", 6, "nothing that was compared");
  for (const Change& one : c.all) page.paragraph("    ", 6, one.sentence);
  for (const std::string& u : c.unknown) page.paragraph("    not compared: ", 6, u);
}

}  // namespace

std::string render_text(const Report& r, const TextOptions& options) {
  Page page(options);
  if (!r.past.empty()) page.paragraph("PAST  ", 6, r.past);
  page.paragraph(page.alarm(verdict_word(r), is_unsure(r) ? std::max(r.verdict, Severity::warning) : r.verdict) + "  ",
                 10, first_line(r));
  page.paragraph(std::string(second_label(r)) + "  ", 7, r.reason);
  page.blank();
  for (const Fact& f : facts(r)) page.paragraph(fmt::format("  {:<8}", f.label), 10, f.text);

  for (std::size_t i = 0; i < r.incidents.size(); ++i) incident(r.incidents[i], i + 1, r.load.active, page);
  remedies(r, page);
  if (!r.events.empty()) {
    page.heading("EVENTS");
    for (const Finding& f : r.events) page.paragraph("    ", 6, f.sentence);
  }
  if (!r.ruled_out.empty()) {
    page.heading("RULED OUT", "(looked at and fine)");
    for (const RuledOut& o : r.ruled_out) page.paragraph("    ", 6, told(o));
  }
  if (!r.posture.empty()) {
    page.heading("POSTURE", "(no part of the verdict)");
    for (const Finding& f : r.posture)
      page.paragraph("    ", 6, fmt::format("{} ({}, {})", f.sentence, f.check, to_string(f.act_by)));
  }
  if (!r.blind_spots.empty()) {
    page.heading("BLIND SPOTS", "(could not be seen)");
    for (const BlindSpot& b : r.blind_spots) {
      page.paragraph("    ", 6, b.what + ": " + b.why);
      if (!b.mend.empty()) page.paragraph("      mend: ", 8, b.mend);
    }
  }
  if (r.changes) changes_text(*r.changes, r.at, page);
  if (!r.past.empty()) return page.take();
  page.blank();
  page.paragraph("  COST    ", 10, told(r.cost));
  return page.take();
}

}  // namespace pgvigil
