#include "agent/core/report_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "agent/core/text.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

std::string server(const Report& r) {
  const std::string text = r.version.empty()
                               ? std::string("server not seen")
                               : fmt::format("PostgreSQL {} {}", r.version, r.in_recovery ? "standby" : "primary");
  return text + ", " + utc(r.at);
}

std::string load(const LoadLine& l) {
  std::string text = fmt::format("{:.1f} active sessions", l.active);
  if (l.vcpus) text += fmt::format(" on {:g} vCPU ({:.1f}x)", *l.vcpus, l.active / *l.vcpus);
  return text + fmt::format(
                    ": {:.1f} running, {:.1f} waiting for locks, {:.1f} for I/O, {:.1f} for the client, {:.1f} for "
                    "something else{} ({} samples in {:.1f} s)",
                    l.on_cpu, l.lock, l.io, l.client, l.other, l.top_wait.empty() ? "" : ", most of it " + l.top_wait,
                    l.samples, l.seconds);
}

// Who works on what, by the locks: told where it tells more than one session's work.
std::string tables(const LoadLine& l) {
  std::vector<std::string> parts;
  for (const TableLoad& t : l.tables)
    if (t.sessions >= 1) parts.push_back(fmt::format("{} ({})", t.name, words::number(t.sessions)));
  return parts.empty() ? "" : "sessions at work, by the locks they hold: " + words::list(parts, 4);
}

std::string use(const Report& r) {
  std::string text = r.cpu_busy ? fmt::format("CPU {} busy (seen from: {})", percent(*r.cpu_busy), r.cpu_source)
                                : std::string("CPU unknown");
  if (r.connections_used && r.connections_max)
    text += fmt::format(", connections {:.0f} of {:.0f}", *r.connections_used, *r.connections_max);
  return text;
}

}  // namespace

bool is_unsure(const Report& r) { return r.verdict == Severity::ok && r.partial; }

std::string verdict_word(const Report& r) {
  std::string word(is_unsure(r) ? "unknown" : to_string(r.verdict));
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return word;
}

std::string first_line(const Report& r) {
  return r.target + ": " + r.headline + (r.partial ? " (PARTIAL: see blind spots)" : "");
}

std::string_view second_label(const Report& r) {
  return r.incidents.empty() ? "" : r.incidents.front().explained ? "CAUSE" : "SYMPTOM";
}

std::vector<Fact> facts(const Report& r) {
  std::vector<Fact> all{{"SERVER", server(r)}};
  if (r.load.samples > 0) all.push_back({"LOAD", load(r.load)});
  if (std::string text = tables(r.load); !text.empty()) all.push_back({"TABLES", std::move(text)});
  all.push_back({"USE", use(r)});
  if (!r.harm.empty()) all.push_back({"HARM", words::list(r.harm, 3)});
  return all;
}

std::string told(const Finding& f, double active) {
  if (f.load <= 0 || active <= 0) return f.sentence;
  return fmt::format("{} [{} of the load]", f.sentence, percent(std::min(1.0, f.load / active)));
}

std::string told(const RuledOut& o) { return o.check.empty() ? o.figure : fmt::format("{} ({})", o.figure, o.check); }

std::string told(const OwnCost& c) {
  return fmt::format("{} connection{}, {} statements, {:.0f} ms of server time, {:.0f} kB read, in {:.1f} s",
                     c.connections, c.connections == 1 ? "" : "s", c.statements, 1000 * c.db_seconds,
                     static_cast<double>(c.bytes) / 1e3, c.seconds);
}

Steps steps(const Report& r, Remedy::Kind kind) {
  Steps all;
  std::set<std::string> once;
  for (const Incident& i : r.incidents)
    for (const auto* findings : {&i.causes, &i.symptoms})
      for (const Finding& f : *findings)
        for (const Remedy& m : f.remedies) {
          if (m.kind != kind) continue;
          if (m.steps.empty() && once.insert(m.summary).second) all.words.push_back(m.summary);
          for (const Step& s : m.steps)
            if (once.insert(s.database + "\n" + s.sql).second)
              (s.straight_path ? all.straight : all.other).push_back(&s);
        }
  const auto worth = [](const Step* s) { return s->load_relieved / std::max(s->minutes, 0.01); };
  if (kind == Remedy::Kind::first_aid)
    std::stable_sort(all.straight.begin(), all.straight.end(),
                     [&](const Step* a, const Step* b) { return worth(a) > worth(b); });
  return all;
}

std::string told(const Preflight& p) {
  if (p.outcome == Preflight::Outcome::fail || p.outcome == Preflight::Outcome::wait)
    for (const Preflight::Item& i : p.items)
      if (i.outcome == p.outcome && !i.todo.empty()) return p.phrase + "; " + i.todo;
  return p.phrase;
}

std::string place(const Step& s) {
  std::string text = fmt::format("in database {}, as {}", s.database, s.run_as);
  for (const auto& [name, value] : {std::pair("relieves", s.relief), {"takes", s.duration}, {"lock", s.lock}})
    if (!value.empty()) text += fmt::format("; {} {}", name, value);
  return text;
}

}  // namespace pgvigil
