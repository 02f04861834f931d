#include "agent/core/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "agent/core/message_cure.h"

namespace pgvigil {
namespace {

constexpr std::size_t line_bytes = 900, most_words = 6, most_tables = 20, most_noted = 10;

std::string upper(std::string_view s) {
  std::string out(s);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

// Items joined until the line is full; then how many more there are.
std::string join(const std::vector<std::string>& items, std::string_view separator, std::size_t most,
                 std::size_t bytes) {
  std::string out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0 && (i >= most || out.size() + items[i].size() > bytes))
      return out + fmt::format(" and {} more", items.size() - i);
    out += (i == 0 ? "" : std::string(separator)) + (i == 0 ? cut(items[i], bytes) : items[i]);
  }
  return out;
}

std::string_view title_of(const Report& report, std::string_view check) {
  for (const Result& r : report.results)
    if (r.check != nullptr && r.check->id == check) return r.check->title;
  return {};
}

std::string heading(const Notice& notice, const Report& report, const std::vector<std::string>& objects) {
  const Incident& i = notice.incident;
  const std::string_view title = title_of(report, i.lead().check);
  if (objects.empty() || title.empty()) return one_line(i.lead().sentence);
  std::string text = one_line(title) + ": " + objects.front();
  if (objects.size() > 1) text += fmt::format(" and {} more", objects.size() - 1);
  return text;
}

// The leading sentence, and every table with its columns that it does not name itself.
std::string what(const Incident& i, const std::vector<std::string>& objects) {
  std::string text = cut(one_line(i.lead().sentence), line_bytes);
  // "public.t (a, b)": the sentence may name the two apart.
  const auto named = [&](const std::string& o) {
    const std::size_t columns = o.find(" (");
    return text.find(o) != std::string::npos ||
           (columns != std::string::npos && text.find(o.substr(0, columns)) != std::string::npos &&
            text.find(o.substr(columns + 1)) != std::string::npos);
  };
  std::vector<std::string> missing;
  for (const std::string& o : objects)
    if (!named(o)) missing.push_back(o);
  if (!missing.empty())
    text += (missing.size() == objects.size() ? ": " : "; also ") + join(missing, ", ", most_tables, line_bytes);
  if (!i.explained) text = "cause not known yet: " + text;
  return text;
}

std::string load_in_words(double active, const LoadLine& load) {
  std::string text = fmt::format("{:.1f} active sessions", active);
  if (load.vcpus && *load.vcpus > 0) text += fmt::format(" on {:g} vCPU ({:.1f}x)", *load.vcpus, active / *load.vcpus);
  return text;
}

std::string harm(const Incident& i, const Report& report, const std::vector<std::string>& symptoms) {
  std::vector<std::string> parts;
  if (report.load.samples > 0) {
    parts.push_back("load " + load_in_words(report.load.active, report.load));
    if (i.share > 0) parts.back() += fmt::format(", {:.0f}% of it is this", 100 * std::min(1.0, i.share));
  }
  if (report.cpu_busy) parts.push_back(fmt::format("CPU {:.0f}%", 100 * *report.cpu_busy));
  if (report.connections_used && report.connections_max)
    parts.push_back(fmt::format("connections {:.0f} of {:.0f}", *report.connections_used, *report.connections_max));
  if (!symptoms.empty()) parts.push_back("seen as: " + join(symptoms, "; ", most_words, line_bytes));
  return join(parts, "; ", parts.size(), 2 * line_bytes);
}

std::string why(const Incident& i) {
  std::vector<std::string> parts;
  for (const Evidence& e : i.lead().evidence) {
    std::string value = e.value;
    while (!value.empty() && (value.back() == ';' || value.back() == ' ')) value.pop_back();  // a query's own
    parts.push_back(cut(one_line(e.what + ": " + value), 300));
  }
  std::string text = join(parts, "; ", most_words, line_bytes);
  if (!text.empty()) text += ". ";
  text += fmt::format("Confidence {}", to_string(i.lead().confidence));
  if (!i.lead().basis.empty()) text += ": " + cut(one_line(i.lead().basis), 300);
  return text;
}

// What would have explained the same, and was looked at and is fine: the nearest first. The rest is in the report.
std::string ruled_out(const Incident& i, const Report& report) {
  std::set<std::string_view> seen;  // what there is to be explained
  for (const Finding& f : i.symptoms) seen.insert(f.check);
  const auto check_of = [&](std::string_view id) -> const Check* {
    const auto it = std::find_if(report.results.begin(), report.results.end(),
                                 [&](const Result& r) { return r.check != nullptr && r.check->id == id; });
    return it == report.results.end() ? nullptr : it->check;
  };
  if (const Check* lead = check_of(i.lead().check)) {
    seen.insert(lead->explains.begin(), lead->explains.end());
    if (lead->role == Role::symptom) seen.insert(lead->id);
  }
  std::vector<std::pair<std::size_t, std::string>> parts;
  for (const RuledOut& r : report.ruled_out) {
    const Check* check = check_of(r.check);
    if (check != nullptr && check->role != Role::cause) continue;
    std::size_t near = 0;
    if (check != nullptr)
      for (const std::string_view symptom : check->explains) near += seen.count(symptom);
    parts.emplace_back(near, cut(one_line(r.figure.empty() ? r.title : r.figure), 150));
  }
  std::stable_sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::string> texts;
  for (auto& [near, text] : parts) texts.push_back(std::move(text));
  return join(texts, "; ", most_words, line_bytes);
}

// Findings without live harm that concern the same tables: what the repair left behind.
std::vector<std::string> left_undone(const Incident& i, const Report& report) {
  std::vector<std::string> known;
  for (const Finding& f : i.causes) {
    known.push_back(f.object.name);
    known.insert(known.end(), f.tables.begin(), f.tables.end());
  }
  const auto is_known = [&](const std::string& name) {
    return !name.empty() && std::find(known.begin(), known.end(), name) != known.end();
  };
  std::vector<std::string> undone;
  for (const Finding& f : report.posture)
    if (undone.size() < 5 && (is_known(f.object.name) || std::any_of(f.tables.begin(), f.tables.end(), is_known)))
      undone.push_back(cut(one_line(f.sentence), 300));
  return undone;
}

std::string shell_word(std::string_view s) {
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || std::string_view("._:@/-").find(c) != std::string_view::npos;
  };
  if (!s.empty() && s.front() != '-' && std::all_of(s.begin(), s.end(), plain)) return std::string(s);
  std::string quoted = "'";
  for (const char c : s) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string replaced(std::string text, std::string_view word, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += by.size())
    text.replace(at, word.size(), by);
  return text;
}

std::vector<Link> links(const Notice& notice, const MessageOptions& options) {
  std::vector<Link> all;
  if (!options.external_url.empty()) all.push_back({"Page", options.external_url});
  if (!options.runbook_url.empty()) {
    const std::string& check = notice.incident.lead().check;
    const std::string& url = options.runbook_url;
    if (url.find("{check}") != std::string::npos)
      all.push_back({"Runbook", replaced(url, "{check}", check)});
    else
      all.push_back({"Runbook", url + (url.ends_with('/') ? "" : "/") + check});
  }
  return all;
}

Time began(const Notice& n) { return n.incident.since ? std::min(*n.incident.since, n.started) : n.started; }

std::string footer(const Notice& n) {
  std::string text = fmt::format("since {} | id {}", utc_minute(began(n)), n.key);
  const auto count = [&](std::size_t many, const char* one) {
    if (many > 0) text += fmt::format(" | {} {}{}", many, one, many == 1 ? "" : "s");
  };
  if (n.incident.causes.size() > 1) count(n.incident.causes.size(), "finding");
  count(n.incident.symptoms.size(), "symptom");
  return text;
}

// An event, or the digest of what can wait: every sentence once, the most urgent first.
void render_note(const Notice& notice, const Report& report, Message& m) {
  const Incident& i = notice.incident;
  const std::string target = one_line(notice.target);
  const auto sentence = [&](const Finding& f) { return cut(one_line(f.sentence), line_bytes); };
  if (i.causes.size() == 1) {
    m.title = fmt::format("[{}] {}: {}", upper(to_string(i.act_by)), target, heading(notice, report, m.objects));
    m.lead_lines.push_back(sentence(i.lead()));
    m.why = why(i);
  } else {
    m.title = fmt::format("[{}] {}: {} things to look at, none of them urgent", upper(to_string(i.act_by)), target,
                          i.causes.size());
    for (std::size_t n = 0; n < i.causes.size() && n < most_noted; ++n)
      m.lead_lines.push_back(fmt::format("{}: {}", to_string(i.causes[n].act_by), sentence(i.causes[n])));
    if (i.causes.size() > most_noted) m.lead_lines.push_back(fmt::format("+{} more", i.causes.size() - most_noted));
  }
  m.title = cut(m.title, 500);
}

}  // namespace

Message render(const Notice& notice, const Report& report, const MessageOptions& options) {
  const Incident& i = notice.incident;
  const bool over = notice.edge == Notice::Edge::resolved;
  Message m;
  m.edge = notice.edge;
  m.severity = i.severity;
  m.objects = tables_with_columns(i);
  for (const Finding& f : i.symptoms) m.symptoms.push_back(cut(one_line(f.sentence), 300));
  m.title = cut(fmt::format("[{}] {}: {}", over ? "RESOLVED" : upper(to_string(i.severity)), one_line(notice.target),
                            heading(notice, report, m.objects)),
                500);
  m.command = replaced(one_line(options.diagnose_command), "{target}", shell_word(one_line(notice.target)));
  m.links = links(notice, options);
  m.footer = footer(notice);
  if (notice.edge == Notice::Edge::note) {
    render_note(notice, report, m);
    if (i.causes.size() > 1) return m;
    Cure cure = cure_of(i);
    m.remedy = std::move(cure.summary);
    m.paste = std::move(cure.paste);
    m.more_steps = cure.more;
    return m;
  }
  if (over) {
    m.lead_lines.push_back(fmt::format("over after {}, {} to {}: {}",
                                       span_in_words(seconds_between(began(notice), notice.at)),
                                       utc_minute(began(notice)), utc_minute(notice.at), notice.changed));
    if (report.load.samples > 0)
      m.lead_lines.push_back(
          fmt::format("load now {}, was {:.1f} from this", load_in_words(report.load.active, report.load), i.load));
    m.lead_lines.push_back("it was: " + what(i, m.objects));
    m.undone = left_undone(i, report);
    return m;
  }
  m.lead_lines.push_back(what(i, m.objects));
  if (std::string h = harm(i, report, m.symptoms); !h.empty()) m.lead_lines.push_back(std::move(h));
  std::vector<std::string> happened;
  for (const Finding& f : i.events) happened.push_back(cut(one_line(f.sentence), 300));
  if (!happened.empty()) m.lead_lines.push_back("what changed: " + join(happened, "; ", 3, line_bytes));
  if (notice.edge == Notice::Edge::update) m.lead_lines.insert(m.lead_lines.begin(), "update: " + notice.changed);
  m.why = why(i);
  m.not_cause = ruled_out(i, report);
  Cure cure = cure_of(i);
  m.remedy = std::move(cure.summary);
  m.paste = std::move(cure.paste);
  m.more_steps = cure.more;
  return m;
}

std::string plain_text(const Message& m) {
  std::string text = m.title + "\n";
  for (const std::string& line : m.lead_lines) text += line + "\n";
  if (!m.why.empty()) text += "why we think so: " + m.why + "\n";
  if (!m.not_cause.empty()) text += "not the cause: " + m.not_cause + "\n";
  if (!m.remedy.empty()) text += "cure: " + m.remedy + "\n";
  for (const Paste& p : m.paste) {
    text += fmt::format("-- {}{}{}\n", p.title, p.where.empty() ? "" : " (" + p.where + ")",
                        p.note.empty() ? "" : ": " + p.note);
    if (!p.sql.empty()) text += p.sql + "\n";
  }
  if (m.more_steps > 0) text += fmt::format("and {} more steps\n", m.more_steps);
  for (const std::string& u : m.undone) text += "left undone: " + u + "\n";
  if (!m.command.empty()) text += "next: " + m.command + "\n";
  for (const Link& l : m.links) text += l.label + ": " + l.url + "\n";
  return text + m.footer + "\n";
}

}  // namespace pgvigil
