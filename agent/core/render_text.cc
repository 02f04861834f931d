#include "agent/core/render_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "agent/core/text.h"
#include "agent/core/text_page.h"

namespace pgvigil {
namespace {

std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

void server_lines(const Report& r, Page& page) {
  std::string text = r.version.empty()
                         ? std::string("server not seen")
                         : fmt::format("PostgreSQL {} {}", r.version, r.in_recovery ? "standby" : "primary");
  page.paragraph("  SERVER  ", 10, text + ", " + utc(r.at));
  if (r.load.samples > 0) {
    std::string load = fmt::format("{:.1f} active sessions", r.load.active);
    if (r.load.vcpus) load += fmt::format(" on {:g} vCPU ({:.1f}x)", *r.load.vcpus, r.load.active / *r.load.vcpus);
    load += fmt::format(
        ": {:.1f} running, {:.1f} waiting for locks, {:.1f} for I/O, {:.1f} for the client, {:.1f} for something "
        "else{} ({} samples in {:.1f} s)",
        r.load.on_cpu, r.load.lock, r.load.io, r.load.client, r.load.other,
        r.load.top_wait.empty() ? "" : ", most of it " + r.load.top_wait, r.load.samples, r.load.seconds);
    page.paragraph("  LOAD    ", 10, load);
  }
  std::string use = r.cpu_busy ? fmt::format("CPU {} busy (seen from: {})", percent(*r.cpu_busy), r.cpu_source)
                               : std::string("CPU unknown");
  if (r.connections_used && r.connections_max)
    use += fmt::format(", connections {:.0f} of {:.0f}", *r.connections_used, *r.connections_max);
  page.paragraph("  USE     ", 10, use);
}

void finding(const Finding& f, std::string_view label, double active, Page& page) {
  std::string head = f.sentence;
  if (f.load > 0 && active > 0) head += fmt::format(" [{} of the load]", percent(std::min(1.0, f.load / active)));
  page.paragraph(label, 4, head);
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
  if (!i.symptoms.empty()) {
    page.heading(i.explained ? "WHAT IT EXPLAINS" : "SEEN WITH IT");
    for (const Finding& f : i.symptoms) page.paragraph("    ", 6, f.sentence);
  }
  for (const Finding& f : i.events) page.paragraph("    event: ", 6, f.sentence);
}

// Steps of every cause, the ones that relieve the most load per minute first.
void remedies(const Report& r, Page& page) {
  for (const auto kind : {Remedy::Kind::first_aid, Remedy::Kind::cure}) {
    std::vector<const Step*> straight, other;
    std::set<std::string> once;
    for (const Incident& i : r.incidents)
      for (const auto* all : {&i.causes, &i.symptoms})
        for (const Finding& f : *all)
          for (const Remedy& m : f.remedies)
            if (m.kind == kind)
              for (const Step& s : m.steps)
                if (once.insert(s.database + "\n" + s.sql).second) (s.straight_path ? straight : other).push_back(&s);
    if (straight.empty() && other.empty()) continue;
    page.heading(kind == Remedy::Kind::first_aid ? "FIRST AID" : "CURE", "(pgvigil runs none of it)");
    const auto worth = [](const Step* s) { return s->load_relieved / std::max(s->minutes, 0.01); };
    const auto better = [&](const Step* a, const Step* b) { return worth(a) > worth(b); };
    if (kind == Remedy::Kind::first_aid) std::stable_sort(straight.begin(), straight.end(), better);
    std::size_t n = 0;
    for (const Step* s : straight) page.step(*s, fmt::format("  {} ", ++n));
    for (const Step* s : other) page.step(*s, "  or: ");
  }
}

}  // namespace

std::string render_text(const Report& r, const TextOptions& options) {
  Page page(options);
  page.paragraph(page.alarm(to_string(r.verdict), r.verdict) + "  ", 10,
                 r.target + ": " + r.headline + (r.partial ? " (PARTIAL: see blind spots)" : ""));
  page.paragraph(r.incidents.empty() ? "  " : r.incidents.front().explained ? "CAUSE  " : "SYMPTOM  ", 7, r.reason);
  page.blank();
  server_lines(r, page);

  for (std::size_t i = 0; i < r.incidents.size(); ++i) incident(r.incidents[i], i + 1, r.load.active, page);
  remedies(r, page);
  if (!r.events.empty()) {
    page.heading("EVENTS");
    for (const Finding& f : r.events) page.paragraph("    ", 6, f.sentence);
  }
  if (!r.ruled_out.empty()) {
    page.heading("RULED OUT", "(looked at and fine)");
    for (const RuledOut& o : r.ruled_out) page.paragraph("    ", 6, o.figure + " (" + o.check + ")");
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
  page.blank();
  page.paragraph("  COST    ", 10,
                 fmt::format("{} connection{}, {} statements, {:.0f} ms of server time, {:.0f} kB read, in {:.1f} s",
                             r.cost.connections, r.cost.connections == 1 ? "" : "s", r.cost.statements,
                             1000 * r.cost.db_seconds, static_cast<double>(r.cost.bytes) / 1e3, r.cost.seconds));
  return page.take();
}

}  // namespace pgvigil
