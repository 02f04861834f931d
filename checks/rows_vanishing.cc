#include <fmt/format.h>

#include <algorithm>

#include "checks/check.h"
#include "checks/plans/sql.h"
#include "checks/probes/activity.h"
#include "checks/probes/schema_changes.h"
#include "checks/probes/tables.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Count> min_rows{"min_rows", 50'000, "tables that held fewer rows are left alone"};
constexpr Setting<Ratio> share{"share", 0.1, "share of its rows that a table has lost, from which it is told"};
constexpr Setting<Ratio> most{"most", 0.5, "share from which it is told to the channel"};
constexpr Setting<Seconds> window{"window", 3600, "how far back is looked, as far as it is remembered"};

// What a table lost between the first look at it and the last.
struct Loss {
  Table before, after;
  double rows = 0;       // net
  bool emptied = false;  // by TRUNCATE: no row was counted as deleted
  Time earliest{}, latest{};
};

// Many statistics start anew after a crash or a reset: a counter that fell tells that, not of rows.
bool reset(const Table& before, const Table& after) {
  return after.rows_inserted < before.rows_inserted || after.rows_deleted < before.rows_deleted;
}

// A table that was emptied may no longer be among those worth looking at: then it was asked for by itself.
std::optional<Table> newest(const Input& in, const Table& before) {
  for (const Table& t : in.now(tables))
    if (t.oid == before.oid && t.database == before.database) return t;
  for (const SchemaChange& c : in.now(schema_changes))
    if (c.oid == before.oid && c.database == before.database && c.exists && !c.is_new) {
      Table t = before;
      t.live_rows = c.live_rows;
      t.heap_bytes = c.pages * 8192;
      return t;
    }
  return std::nullopt;
}

std::vector<Loss> losses(const Input& in) {
  std::vector<Loss> all;
  std::map<std::pair<std::string, std::int64_t>, std::vector<std::pair<Time, const Table*>>> looks;
  const auto series = in.series(tables, std::min(in[window], in.history().keep_seconds));
  for (const auto& look : series)
    for (const Table& t : look.rows)
      if (t.kind == "r") looks[{t.database, t.oid}].emplace_back(look.at, &t);
  for (const auto& [key, seen] : looks) {
    const auto now = newest(in, *seen.back().second);
    if (!now || reset(*seen.front().second, *now)) continue;
    Loss loss{*seen.front().second, *now};
    loss.earliest = seen.front().first;
    loss.latest = series.back().at;
    const double held = static_cast<double>(loss.before.live_rows);
    const double deleted = static_cast<double>(now->rows_deleted - loss.before.rows_deleted);
    const double inserted = static_cast<double>(now->rows_inserted - loss.before.rows_inserted);
    loss.rows = std::min(held, deleted - inserted);
    // TRUNCATE gives the table a new, empty file and counts nothing.
    if (held > 0 && static_cast<double>(now->live_rows) < 0.1 * held && deleted < 0.5 * held &&
        now->heap_bytes < std::max<std::int64_t>(loss.before.heap_bytes / 10, 1))
      loss.emptied = true, loss.rows = held - static_cast<double>(now->live_rows);
    for (const auto& [at, t] : seen) {  // it was still whole
      const bool whole = static_cast<double>(t->live_rows) >= 0.9 * held && t->rows_deleted == loss.before.rows_deleted;
      if (whole && at < loss.latest) loss.earliest = at;
    }
    all.push_back(std::move(loss));
  }
  return all;
}

// A session seen deleting from the table, or emptying it.
const Session* culprit(const Input& in, const Table& t) {
  const Session* found = nullptr;
  for (const auto& sample : in.series(activity, in.history().keep_seconds))
    for (const Session& s : sample.rows) {
      if (s.database != t.database || s.query.find(t.relation) == std::string::npos) continue;
      const sql::Kind kind = sql::kind(s.query);
      if (kind == sql::Kind::remove ||
          (kind == sql::Kind::utility && words::one_line(s.query, 8).starts_with("TRUNCATE")) ||
          (kind == sql::Kind::utility && words::one_line(s.query, 8).starts_with("truncate")))
        found = &s;
    }
  return found;
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  for (const Loss& l : losses(in)) {
    const double held = static_cast<double>(l.before.live_rows);
    if (held < in[min_rows] || l.rows < in[share] * held) continue;
    Finding f;
    f.role = Role::event;
    const bool bad = l.rows >= in[most] * held;
    f.severity = bad ? Severity::warning : Severity::info;
    f.act_by = bad ? ActBy::today : ActBy::later;
    f.object = {"table", l.before.name, l.before.database};
    f.sentence = l.emptied ? fmt::format("{} was emptied {}: it held {} rows", l.before.name,
                                         words::when(l.earliest, l.latest), words::count(held))
                           : fmt::format("{} lost {} of its {} rows {}", l.before.name, words::share(l.rows / held),
                                         words::count(held), words::when(l.earliest, l.latest));
    f.evidence = {{"rows", fmt::format("{} before, {} now", words::count(held),
                                       words::count(static_cast<double>(l.after.live_rows)))}};
    if (!l.emptied)
      f.evidence.push_back(
          {"deleted", words::count(static_cast<double>(l.after.rows_deleted - l.before.rows_deleted))});
    if (const Session* s = culprit(in, l.before)) {
      f.sentence +=
          fmt::format(", by {} (role {})", s->application.empty() ? "a session" : words::one_line(s->application, 63),
                      words::one_line(s->user, 63));
      f.evidence.push_back({"seen", fmt::format("pid {}: {}", s->pid, words::one_line(s->query, 200))});
    }
    f.tables = {l.before.name};
    f.since = l.earliest;
    f.confidence = l.emptied ? Confidence::medium : Confidence::high;
    f.basis = l.emptied ? "its rows and its file went without a deletion being counted: a TRUNCATE"
                        : "rows deleted less rows inserted, as the server counts them";
    found.push_back(std::move(f));
    if (found.size() >= 10) break;
  }
  return found;
}

std::string fine(const Input& in) {
  if (in.series(tables, in.history().keep_seconds).size() < 2) return {};
  return fmt::format("no large table lost {} of its rows", words::share(in[share]));
}

Scenario story(double deleted, double inserted = 0, bool truncated = false, bool missing = false) {
  Table t;
  t.database = "shop", t.relation = "orders", t.name = "public.orders", t.kind = "r", t.oid = 20'000;
  t.live_rows = 1'000'000, t.rows_inserted = 5'000'000, t.rows_deleted = 4'000'000;
  t.heap_bytes = 300LL << 20;
  Scenario s;
  s.saw(130, tables, {t}).saw(70, tables, {t});
  t.rows_deleted += static_cast<std::int64_t>(deleted);
  t.rows_inserted += static_cast<std::int64_t>(inserted);
  t.live_rows += static_cast<std::int64_t>(inserted - deleted);
  if (truncated) t.live_rows = 0, t.heap_bytes = 0;
  SchemaChange c;
  c.database = "shop", c.oid = t.oid, c.name = t.name, c.kind = "r";
  s.saw(9, tables, missing ? std::vector<Table>() : std::vector<Table>{t});
  if (missing) s.saw(8, schema_changes, {c});
  Session by;
  by.pid = 77, by.database = "shop", by.user = "cron", by.application = "janitor", by.backend_type = "client backend";
  by.state = "active";
  by.query = "DELETE FROM orders WHERE created < $1";
  return s.saw(30, activity, {by});
}

Scenario after_a_reset() {
  Table t;
  t.database = "shop", t.name = "public.orders", t.kind = "r", t.oid = 20'000;
  t.live_rows = 1'000'000, t.rows_inserted = 5'000'000, t.heap_bytes = 300LL << 20;
  Table fresh = t;
  fresh.live_rows = fresh.rows_inserted = 0;
  return Scenario().saw(70, tables, {t}).saw(9, tables, {fresh});
}

}  // namespace

extern const Check rows_vanishing;
const Check rows_vanishing{
    .id = "rows_vanishing",
    .title = "A large table loses its rows",
    .why =
        "A janitor with the wrong condition, or a TRUNCATE in the wrong database: the sooner it is seen, the more "
        "comes back.",
    .role = Role::event,
    .reads = {tables},
    .may_read = {activity, schema_changes},
    .settings = {min_rows, share, most, window},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"a janitor deletes most of a table", [] { return story(800'000); }, {Severity::warning}},
                 {"a fifth is deleted", [] { return story(200'000); }, {Severity::info}},
                 {"a table is emptied", [] { return story(0, 0, true); }, {Severity::warning}},
                 {"emptied, and no longer worth looking at",
                  [] { return story(0, 0, true, true); },
                  {Severity::warning}},
                 {"a queue: as many go as come", [] { return story(900'000, 880'000); }, {}},
                 {"a thirtieth, as every night", [] { return story(33'000); }, {}},
                 {"the statistics were reset", after_a_reset, {}}},
};

}  // namespace pgvigil
