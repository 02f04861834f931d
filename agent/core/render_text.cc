#include "agent/core/render_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "agent/core/text.h"

namespace pgvigil {
namespace {

// Columns a UTF-8 text takes, near enough: code points.
std::size_t columns(std::string_view s) {
  return static_cast<std::size_t>(
      std::count_if(s.begin(), s.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

class Page {
 public:
  explicit Page(const TextOptions& options)
      : width_(static_cast<std::size_t>(std::max(40, options.width))), colour_(options.colour) {}

  void blank() { out_ += '\n'; }
  void heading(std::string_view text, std::string_view aside = {}) {
    out_ += "\n  " + bold(text) + (aside.empty() ? "" : "   " + std::string(aside)) + "\n";
  }
  // `first` opens the paragraph, later lines are indented by `indent`.
  void paragraph(std::string_view first, std::size_t indent, std::string_view text) {
    std::string line(first);
    std::size_t used = columns(strip(line));
    bool fresh = true;
    std::string word;
    const auto flush = [&] {
      if (word.empty()) return;
      const std::size_t n = columns(word);
      if (!fresh && used + 1 + n > width_) {
        out_ += line + "\n";
        line.assign(indent, ' ');
        used = indent;
        fresh = true;
      }
      if (!fresh) line += ' ', ++used;
      line += word;
      used += n;
      fresh = false;
      word.clear();
    };
    const std::string clean = one_line(text);
    for (const char c : clean) {
      if (c == ' ')
        flush();
      else
        word += c;
    }
    flush();
    out_ += line + "\n";
  }
  void sql(std::size_t indent, std::string_view text) {  // as it stands, to be pasted
    std::size_t from = 0;
    while (from <= text.size()) {
      const std::size_t to = std::min(text.find('\n', from), text.size());
      out_ += std::string(indent, ' ') + one_line(text.substr(from, to - from)) + "\n";
      from = to + 1;
    }
  }
  void line(std::string_view text) { out_ += std::string(text) + "\n"; }
  std::string bold(std::string_view text) const {
    return colour_ ? "\x1b[1m" + std::string(text) + "\x1b[0m" : std::string(text);
  }
  std::string verdict(Severity s) const {
    std::string word(to_string(s));
    std::transform(word.begin(), word.end(), word.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (!colour_) return word;
    const char* code = s == Severity::critical ? "1;31" : s == Severity::warning ? "1;33" : "1;32";
    return fmt::format("\x1b[{}m{}\x1b[0m", code, word);
  }
  std::string take() { return std::move(out_); }

 private:
  static std::string strip(std::string_view s) {  // without our own colour codes
    std::string plain;
    for (std::size_t i = 0; i < s.size(); ++i) {
      if (s[i] == '\x1b')
        i = std::min(s.find('m', i), s.size());
      else
        plain += s[i];
    }
    return plain;
  }
  std::size_t width_;
  bool colour_;
  std::string out_;
};

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

void step(const Step& s, std::string_view label, Page& page) {
  page.paragraph(label, 4, s.title);
  std::string where = fmt::format("in database {}, as {}", s.database, s.run_as);
  for (const auto& [name, value] : {std::pair("relieves", s.relief), {"takes", s.duration}, {"lock", s.lock}})
    if (!value.empty()) where += fmt::format("; {} {}", name, value);
  page.paragraph("    ", 6, where);
  page.sql(6, s.sql);
  if (!s.caution.empty()) page.paragraph("    caution: ", 6, s.caution);
  if (!s.undo.empty()) page.paragraph("    undo: ", 6, s.undo);
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
    for (const Step* s : straight) step(*s, fmt::format("  {} ", ++n), page);
    for (const Step* s : other) step(*s, "  or: ", page);
  }
}

}  // namespace

std::string render_text(const Report& r, const TextOptions& options) {
  Page page(options);
  page.paragraph(page.verdict(r.verdict) + "  ", 10,
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
