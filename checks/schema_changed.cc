#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "checks/check.h"
#include "checks/probes/indexes.h"
#include "checks/probes/schema_changes.h"
#include "checks/probes/schema_state.h"
#include "checks/probes/tables.h"
#include "checks/schema_changed_examples.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Seconds> window{"window", 15 * 60, "how long a change is told"};
constexpr Setting<Count> most{"most", 10, "relations that went, told one by one for each database; more are counted"};

struct Span {
  Time earliest{}, latest{};
};

// The looks between which a relation of this oid came.
Span born(const Input& in, const SchemaChange& c) {
  Span span;
  for (const auto& look : in.series(schema_state, in.history().keep_seconds))
    for (const SchemaState& s : look.rows) {
      if (s.database != c.database) continue;
      span.latest = look.at;
      if (s.newest_oid >= c.oid) return span;
      span.earliest = look.at;
    }
  return span;
}

// What a look of this probe last knew of a relation, and the looks between which it went.
template <class Row>
std::optional<Row> last_known(const Input& in, const Probe<Row>& probe, const std::string& database, std::int64_t oid,
                              Span& span) {
  std::optional<Row> row;
  for (const auto& look : in.series(probe, in.history().keep_seconds)) {
    const auto it = std::find_if(look.rows.begin(), look.rows.end(),
                                 [&](const Row& r) { return r.oid == oid && r.database == database; });
    if (it != look.rows.end())
      row = *it, span.earliest = span.latest = look.at;
    else if (row && span.latest == span.earliest)
      span.latest = look.at;
  }
  return row;
}

Finding event(const Object& object, std::string sentence, const Span& span, bool matters) {
  Finding f;
  f.role = Role::event;
  f.severity = matters ? Severity::warning : Severity::info;
  f.act_by = matters ? ActBy::today : ActBy::later;
  f.object = object;
  f.sentence = std::move(sentence) + " " + words::when(span.earliest, span.latest);
  f.since = span.latest;
  f.confidence = Confidence::high;
  f.basis = "the catalogue, in two looks";
  return f;
}

std::string keys(const std::vector<std::string>& columns) {
  std::string text;
  for (const std::string& c : columns) text += (text.empty() ? "" : ", ") + (c.empty() ? "an expression" : c);
  return "(" + text + ")";
}

bool is_table(const SchemaChange& c) { return c.kind == "r" || c.kind == "p" || c.kind == "m"; }

// What came to one database.
struct Arrivals {
  std::vector<const SchemaChange*> tables, indexes;
  std::map<std::string, int> partitions;  // by parent
  const SchemaChange* first_partition = nullptr;
};

Arrivals arrivals(std::span<const SchemaChange> rows, const std::string& database) {
  Arrivals out;
  std::set<std::string> new_tables;
  for (const SchemaChange& c : rows)
    if (c.is_new && c.database == database && is_table(c)) {
      new_tables.insert(c.name);
      if (c.parent.empty())
        out.tables.push_back(&c);
      else if (++out.partitions[c.parent]; out.first_partition == nullptr)
        out.first_partition = &c;
    }
  for (const SchemaChange& c : rows)
    if (c.is_new && c.database == database && !is_table(c) && c.parent.empty() && !new_tables.contains(c.table))
      out.indexes.push_back(&c);
  return out;
}

void tell_arrivals(const Input& in, const std::string& database, std::vector<Finding>& found) {
  const Arrivals all = arrivals(in.now(schema_changes), database);
  if (!all.tables.empty()) {
    std::vector<std::string> names, bare, keyless;
    for (const SchemaChange* c : all.tables) {
      names.push_back(c->name);
      if (c->kind == "m" || c->persistence != "p") continue;  // staging tables are unlogged for a reason
      if (c->usable_indexes == 0)
        bare.push_back(c->name);
      else if (!c->has_key)
        keyless.push_back(c->name);
    }
    const double n = static_cast<double>(names.size());
    std::string text = words::counted(n, "table") + " appeared in database " + words::one_line(database, 63);
    if (bare.empty() && keyless.empty())
      text += ": " + words::list(names, 4);
    else if (names.size() == 1)
      text =
          fmt::format("table {} appeared {}", names[0], bare.empty() ? "without a primary key" : "without any index");
    else if (!bare.empty())
      text += fmt::format(", {} of them without any index: {}", bare.size(), words::list(bare, 4));
    else
      text += fmt::format(", {} of them without a primary key: {}", keyless.size(), words::list(keyless, 4));
    Finding f = event(names.size() == 1 ? Object{"table", names[0], database} : Object{"database", database, database},
                      text, born(in, *all.tables.front()), !bare.empty() || !keyless.empty());
    f.tables = names;
    f.evidence.push_back({"new", words::list(names, 20)});
    if (!bare.empty()) f.evidence.push_back({"without any index", words::list(bare, 20)});
    if (!keyless.empty()) f.evidence.push_back({"without a primary key", words::list(keyless, 20)});
    found.push_back(std::move(f));
  }
  if (!all.indexes.empty()) {
    std::vector<std::string> texts;
    std::vector<std::string> on;
    for (const SchemaChange* c : all.indexes) {
      texts.push_back(fmt::format("{} on {} {}", c->name, c->table, keys(c->columns)));
      on.push_back(c->table);
    }
    Finding f = event({"index", all.indexes.front()->name, database},
                      words::counted(static_cast<double>(texts.size()), texts.size() == 1 ? "index" : "indexe") +
                          " appeared: " + words::list(texts, 3),
                      born(in, *all.indexes.front()), false);
    f.tables = on;
    f.evidence.push_back({"new", words::list(texts, 20)});
    found.push_back(std::move(f));
  }
  if (!all.partitions.empty()) {
    std::vector<std::string> texts;
    for (const auto& [parent, n] : all.partitions)
      texts.push_back(fmt::format("{} of {}", words::counted(n, "partition"), parent));
    Finding f = event({"database", database, database}, words::list(texts, 4) + " appeared",
                      born(in, *all.first_partition), false);
    f.evidence.push_back({"new", words::list(texts, 20)});
    found.push_back(std::move(f));
  }
}

// An index that serves the same look-ups: the old one was replaced, not lost.
bool replaced(const Input& in, const Index& gone) {
  for (const Index& i : in.now(indexes))
    if (i.database == gone.database && i.table == gone.table && i.is_valid && i.columns == gone.columns &&
        i.operator_classes == gone.operator_classes && i.has_predicate == gone.has_predicate && i.oid != gone.oid)
      return true;
  return false;
}

void tell_departures(const Input& in, const std::string& database, std::vector<Finding>& found) {
  std::set<std::string> tables_gone;
  std::vector<Finding> lost;
  for (const SchemaChange& c : in.now(schema_changes)) {
    if (c.database != database || c.is_new) continue;
    Span span;
    const auto t = last_known(in, tables, database, c.oid, span);
    if (!t || (c.exists && c.name == t->name)) continue;
    Finding f = event({"table", t->name, database},
                      c.exists ? fmt::format("table {} was renamed to {}", t->name, c.name)
                               : fmt::format("table {} was dropped", t->name),
                      span, true);
    f.tables = {t->name};
    f.evidence.push_back({"it held", t->known_bytes ? words::bytes(static_cast<double>(*t->known_bytes))
                                                    : words::count(static_cast<double>(t->live_rows)) + " rows"});
    tables_gone.insert(t->name);
    if (t->parent.empty() || c.exists) lost.push_back(std::move(f));  // old partitions go by schedule
  }
  for (const SchemaChange& c : in.now(schema_changes)) {
    if (c.database != database || c.is_new || c.exists) continue;
    Span span;
    const auto i = last_known(in, indexes, database, c.oid, span);
    if (!i || tables_gone.contains(i->table) || replaced(in, *i)) continue;
    const std::string made_of = fmt::format("{}{}{} {}", i->is_unique ? "unique " : "", i->method,
                                            i->has_predicate ? " (partial)" : "", keys(i->columns));
    Finding f =
        event({"index", i->name, database},
              fmt::format("index {} on {} {} was dropped", i->name, i->table, keys(i->columns)), span, i->is_valid);
    f.tables = {i->table};
    f.evidence.push_back({"it was", made_of});
    f.evidence.push_back({"it had served", words::counted(static_cast<double>(i->scans), "scan")});
    lost.push_back(std::move(f));
  }
  const auto shown = static_cast<std::size_t>(in[most]);
  if (lost.size() > shown && shown > 0) {
    lost[shown - 1].sentence += fmt::format(", and {} more went", lost.size() - shown);
    lost.resize(shown);
  }
  for (Finding& f : lost) found.push_back(std::move(f));
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  if (in.context().one_shot) return found;
  for (const SchemaState& s : in.now(schema_state)) {
    tell_departures(in, s.database, found);
    tell_arrivals(in, s.database, found);
  }
  std::erase_if(found, [&](const Finding& f) { return seconds_between(*f.since, in.at()) > in[window]; });
  return found;
}

std::string fine(const Input& in) {
  if (in.context().one_shot) return {};  // no relation's age can be told from one look
  double n = 0, x = 0;
  for (const SchemaState& s : in.now(schema_state))
    n += static_cast<double>(s.tables), x += static_cast<double>(s.indexes);
  return fmt::format("no table or index came or went among {} and {} indexes", words::counted(n, "table"),
                     words::count(x));
}

}  // namespace

extern const Check schema_changed;
const Check schema_changed{
    .id = "schema_changed",
    .title = "Tables or indexes came or went",
    .why =
        "A dropped index or a table that was made without one turns look-ups into scans: what changed at 6 pm explains "
        "what hurts at 7.",
    .role = Role::event,
    .reads = {schema_state},
    .may_read = {schema_changes, tables, indexes},
    .settings = {window, most},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"a deploy drops an index", schema_dropped_index, {Severity::warning}},
                 {"a schema is copied without its indexes", schema_copied, {Severity::warning}},
                 {"a large table is dropped", [] { return schema_table_gone(false); }, {Severity::warning}},
                 {"a large table is renamed", [] { return schema_table_gone(true); }, {Severity::warning}},
                 {"fourteen indexes go at once", schema_many_gone, std::vector<Severity>(10, Severity::warning)},
                 {"partitions made by a schedule", schema_partitions, {Severity::info}},
                 {"an index is added", schema_new_index, {Severity::info}},
                 {"an index made anew under another name", schema_renewed_index, {Severity::info}},
                 {"one-shot: nothing is claimed of the past", schema_one_shot, {}}},
};

}  // namespace pgvigil
