#include "agent/core/message_cure.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "agent/core/report_words.h"

namespace pgvigil {
namespace {

constexpr std::size_t paste_budget = 2400, most_steps = 8, one_step = 1500;

struct IndexTarget {
  std::string table, columns;
};

// A word, a "quoted ""name""", or one other character.
std::string_view token(std::string_view text) {
  if (text.empty()) return {};
  const auto word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || (c & 0x80);
  };
  std::size_t n = 0;
  while (n < text.size() && (word(text[n]) || text[n] == '.' || text[n] == '"')) {
    if (text[n] == '"') {
      const std::size_t end = text.find('"', n + 1);
      if (end == std::string_view::npos) return text;
      n = end;
    }
    ++n;
  }
  return text.substr(0, std::max<std::size_t>(n, 1));
}

bool same_word(std::string_view a, std::string_view upper) {
  return std::equal(a.begin(), a.end(), upper.begin(), upper.end(),
                    [](char x, char y) { return std::toupper(static_cast<unsigned char>(x)) == y; });
}

// The next token of `rest`, which moves behind it.
std::string_view next(std::string_view& rest) {
  while (!rest.empty() && std::isspace(static_cast<unsigned char>(rest.front()))) rest.remove_prefix(1);
  const std::string_view t = token(rest);
  rest.remove_prefix(t.size());
  return t;
}

// The table and column list of each CREATE INDEX in our own cure.
std::vector<IndexTarget> index_targets(std::string_view sql) {
  std::vector<IndexTarget> found;
  std::string_view rest = sql;
  for (std::string_view t = next(rest); !t.empty(); t = next(rest)) {
    if (!same_word(t, "CREATE")) continue;
    std::string_view ahead = rest;
    std::string_view word = next(ahead);
    if (same_word(word, "UNIQUE")) word = next(ahead);
    if (!same_word(word, "INDEX")) continue;
    while (!word.empty() && word != ";" && !same_word(word, "ON")) word = next(ahead);
    std::string_view table = next(ahead);
    if (same_word(table, "ONLY")) table = next(ahead);
    if (!same_word(word, "ON") || table.empty()) continue;
    word = next(ahead);
    if (same_word(word, "USING")) next(ahead), word = next(ahead);
    if (word != "(") continue;
    const char* const from = word.data();
    for (int depth = 1; depth > 0 && !word.empty();) {
      word = next(ahead);
      depth += word == "(" ? 1 : word == ")" ? -1 : 0;
    }
    if (word == ")") found.push_back({std::string(table), std::string(from, word.data() + 1)});
    rest = ahead;
  }
  return found;
}

template <class Visit>
void each_step(const Finding& finding, Visit visit) {
  for (const Remedy& r : finding.remedies)
    if (r.kind == Remedy::Kind::cure)
      for (const Step& s : r.steps) visit(s);
}

std::optional<std::string> columns_in_evidence(const Finding& finding) {
  for (const Evidence& e : finding.evidence)
    if (e.what.find("column") != std::string::npos && !e.value.empty())
      return e.value.front() == '(' ? e.value : "(" + e.value + ")";
  return std::nullopt;
}

// As it stands: whole, visible, and safe inside a code block.
bool can_be_pasted(std::string_view sql) {
  if (sql.empty() || sql.size() > one_step || sql.find("```") != std::string_view::npos) return false;
  std::string visible(sql);
  std::replace(visible.begin(), visible.end(), '\n', ' ');
  return one_line(visible) == visible;
}

}  // namespace

std::vector<std::string> tables_with_columns(const Incident& incident) {
  std::vector<std::pair<std::string, std::string>> tables;  // name, columns
  const auto add = [&](const std::string& name, const std::string& columns) {
    const auto at = std::find_if(tables.begin(), tables.end(), [&](const auto& t) { return t.first == name; });
    if (at == tables.end())
      tables.emplace_back(name, columns);
    else if (at->second.empty())
      at->second = columns;
  };
  for (const Finding& f : incident.causes) {
    if (f.object.kind == "table") add(f.object.name, columns_in_evidence(f).value_or(""));
    each_step(f, [&](const Step& s) {
      if (s.straight_path)
        for (const IndexTarget& t : index_targets(s.sql)) add(t.table, t.columns);
    });
    for (const std::string& t : f.tables) add(t, "");
  }
  std::vector<std::string> words;
  for (const auto& [name, columns] : tables) words.push_back(one_line(columns.empty() ? name : name + " " + columns));
  return words;
}

Cure cure_of(const Incident& incident) {
  Cure cure;
  std::size_t used = 0;
  std::set<std::string> seen;
  for (const Finding& f : incident.causes) {
    for (const Remedy& r : f.remedies)
      if (r.kind == Remedy::Kind::cure && cure.summary.empty()) cure.summary = one_line(r.summary);
    each_step(f, [&](const Step& s) {
      if (!s.straight_path || s.sql.empty() || !seen.insert(s.database + '\0' + s.sql).second) return;
      if (cure.paste.size() >= most_steps || used + s.sql.size() > paste_budget) {
        ++cure.more;
        return;
      }
      Paste p{.title = cut(one_line(s.title), 200), .where = {}, .sql = {}, .note = {}};
      if (!s.database.empty()) p.where = "database " + one_line(s.database);
      if (!s.run_as.empty()) p.where += (p.where.empty() ? "as " : ", as ") + one_line(s.run_as);
      p.where = cut(p.where, 200);
      if (s.preflight && s.preflight->outcome >= Preflight::Outcome::wait) p.note = "now it " + told(*s.preflight);
      for (const std::string* part : {&s.duration, &s.lock, &s.caution})
        if (!part->empty()) p.note += (p.note.empty() ? "" : "; ") + one_line(*part);
      p.note = cut(p.note, 500);
      if (can_be_pasted(s.sql)) {
        p.sql = s.sql;
        used += s.sql.size();
      } else {
        p.note = "the statement cannot be shown here as it is: run the command below";
      }
      cure.paste.push_back(std::move(p));
    });
  }
  return cure;
}

}  // namespace pgvigil
