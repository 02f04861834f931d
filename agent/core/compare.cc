#include "agent/core/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "agent/core/text.h"
#include "checks/plans/judge.h"
#include "checks/plans/remember.h"
#include "checks/probes/databases.h"
#include "checks/probes/extensions.h"
#include "checks/probes/indexes.h"
#include "checks/probes/plan_indexes.h"
#include "checks/probes/plans.h"
#include "checks/probes/server.h"
#include "checks/probes/tables.h"
#include "checks/probes/timeouts.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr std::size_t most_tables = 290;  // so many rows of a database were cut: absent is not gone
constexpr double grown_bytes = 64 << 20;  // of size, from which growth is worth a line
constexpr double grown_share = 0.2;       // of the size before
constexpr double grown_rows = 100'000;

template <class Row>
std::map<std::string, const Row*> by_key(const Probe<Row>& probe, std::span<const Row> rows) {
  std::map<std::string, const Row*> all;
  for (const Row& r : rows) all.emplace(probe.key(r), &r);
  return all;
}

void add(Changes& out, std::string kind, Object object, std::string sentence, std::string before = "",
         std::string after = "") {
  out.all.push_back({std::move(kind), std::move(object), std::move(sentence), std::move(before), std::move(after)});
}

// Every column of the server's one row that is a fact or a setting: those that move by themselves are left out.
void compare_server(const Input& then, const Input& now, Changes& out) {
  static const std::set<std::string_view> moves{"now",
                                                "database",
                                                "role",
                                                "superuser",
                                                "can_read_stats",
                                                "can_read_settings",
                                                "can_list_temp",
                                                "can_read_data",
                                                "has_statements",
                                                "server_address",
                                                "client_port",
                                                "backend_pid",
                                                "version_num",
                                                "preloads_statements",
                                                "start_time",
                                                "data_directory"};
  const Server &a = then.now(server).front(), &b = now.now(server).front();
  if (b.start_time > a.start_time + 1)
    add(out, "changed", {"server", "server"},
        "the server was started at " +
            utc(Time(std::chrono::duration_cast<Milliseconds>(std::chrono::duration<double>(b.start_time)))));
  const Sheet before = server.encode(*server.rows({a})), after = server.encode(*server.rows({b}));
  for (std::size_t c = 0; c < before.columns.size(); ++c) {
    const std::string& name = before.columns[c];
    if (moves.contains(name) || before.rows[0][c] == after.rows[0][c]) continue;
    const std::string was = before.rows[0][c].value_or(""), is = after.rows[0][c].value_or("");
    add(out, "changed", {"setting", name},
        fmt::format("{} is {}, it was {}", name, is.empty() ? "empty" : is, was.empty() ? "empty" : was), was, is);
  }
}

void compare_databases(const Input& then, const Input& now, Changes& out) {
  const auto a = by_key(databases, then.now(databases)), b = by_key(databases, now.now(databases));
  for (const auto& [key, d] : b)
    if (!a.contains(key)) add(out, "appeared", {"database", d->name}, fmt::format("database {} appeared", d->name));
  for (const auto& [key, d] : a)
    if (!b.contains(key)) add(out, "gone", {"database", d->name}, fmt::format("database {} is gone", d->name));
}

void compare_extensions(const Input& then, const Input& now, Changes& out) {
  const auto a = by_key(extensions, then.now(extensions)), b = by_key(extensions, now.now(extensions));
  const auto object = [](const Extension& e) { return Object{"extension", e.name, e.database}; };
  for (const auto& [key, e] : b)
    if (const auto old = a.find(key); old == a.end())
      add(out, "appeared", object(*e), fmt::format("extension {} {} appeared in {}", e->name, e->version, e->database));
    else if (old->second->version != e->version)
      add(out, "changed", object(*e),
          fmt::format("extension {} in {} is {}, it was {}", e->name, e->database, e->version, old->second->version),
          old->second->version, e->version);
  for (const auto& [key, e] : a)
    if (!b.contains(key))
      add(out, "gone", object(*e), fmt::format("extension {} is gone from {}", e->name, e->database));
}

void compare_timeouts(const Input& then, const Input& now, Changes& out) {
  const auto where = [](const Timeout& t) {
    std::string s = t.setting;
    if (!t.role.empty()) s += " of role " + t.role;
    if (!t.database.empty()) s += " in database " + t.database;
    return s;
  };
  std::map<std::string, double> a, b;
  for (const Timeout& t : then.now(timeouts)) a[where(t)] = t.seconds;
  for (const Timeout& t : now.now(timeouts)) b[where(t)] = t.seconds;
  const auto limit = [](double s) { return s > 0 ? words::duration(s) : std::string("no limit"); };
  for (const auto& [name, seconds] : b)
    if (const auto old = a.find(name); old == a.end())
      add(out, "appeared", {"setting", name}, fmt::format("{} is {}, it was not set", name, limit(seconds)), "",
          limit(seconds));
    else if (old->second != seconds)
      add(out, "changed", {"setting", name},
          fmt::format("{} is {}, it was {}", name, limit(seconds), limit(old->second)), limit(old->second),
          limit(seconds));
  for (const auto& [name, seconds] : a)
    if (!b.contains(name))
      add(out, "gone", {"setting", name}, fmt::format("{} is not set any more, it was {}", name, limit(seconds)),
          limit(seconds));
}

// Databases that both sides saw, with the number of tables of each: of the others nothing is known.
std::map<std::string, std::size_t> seen_databases(const Input& in) {
  std::map<std::string, std::size_t> all;
  for (const Table& t : in.now(tables)) ++all[t.database];
  for (const Failure& f : in.seen(tables)->failures) all.erase(f.database);
  return all;
}

void compare_tables(const Input& then, const Input& now, Changes& out) {
  const auto a = by_key(tables, then.now(tables)), b = by_key(tables, now.now(tables));
  const auto had = seen_databases(then), have = seen_databases(now);
  std::map<std::string, std::int64_t> newest;  // oid, by database: what is above it was made since
  for (const auto& [key, t] : a) newest[t->database] = std::max(newest[t->database], t->oid);
  const auto object = [](const Table& t) { return Object{"table", t.name, t.database}; };
  for (const auto& [key, t] : b) {
    const auto before = had.find(t->database);
    if (before == had.end()) continue;
    const auto old = a.find(key);
    const std::string place = t->name + " in " + t->database;
    if (old == a.end() && t->oid > newest[t->database])
      add(out, "appeared", object(*t),
          fmt::format("table {} appeared: {}, {}", place, words::bytes(static_cast<double>(t->size())),
                      t->usable_indexes == 0 ? "without an index" : fmt::format("indexes: {}", t->usable_indexes)));
    else if (old == a.end() && before->second < most_tables)
      add(out, "grew", object(*t),
          fmt::format("table {} was small or little read then, now it is {}", place,
                      words::bytes(static_cast<double>(t->size()))));
    if (old == a.end()) continue;
    const Table& was = *old->second;
    if (was.oid != t->oid) add(out, "changed", object(*t), fmt::format("table {} was dropped and made again", place));
    const auto size = static_cast<double>(t->size()), size_before = static_cast<double>(was.size());
    const double rows = static_cast<double>(t->live_rows - was.live_rows);
    if (std::abs(size - size_before) >= grown_bytes && std::abs(size - size_before) >= grown_share * size_before)
      add(out, size > size_before ? "grew" : "shrank", object(*t),
          fmt::format("table {} is {}, it was {}", place, words::bytes(size), words::bytes(size_before)),
          words::bytes(size_before), words::bytes(size));
    else if (was.oid == t->oid && std::abs(rows) >= grown_rows &&
             std::abs(rows) >= grown_share * static_cast<double>(was.live_rows))
      add(out, rows > 0 ? "grew" : "shrank", object(*t),
          fmt::format("table {} has {} rows, it had {}", place, words::count(static_cast<double>(t->live_rows)),
                      words::count(static_cast<double>(was.live_rows))),
          words::count(static_cast<double>(was.live_rows)), words::count(static_cast<double>(t->live_rows)));
    if (t->last_analyze && (!was.last_analyze || *t->last_analyze > *was.last_analyze) && t->rows && was.rows &&
        std::abs(*t->rows - *was.rows) > std::max(1000.0, *was.rows))
      add(out, "changed", object(*t),
          fmt::format("table {} was analysed: {} rows are expected, {} before", place, words::count(*t->rows),
                      words::count(*was.rows)));
  }
  for (const auto& [key, t] : a)
    if (const auto seen = have.find(t->database); !b.contains(key) && seen != have.end() && seen->second < most_tables)
      add(out, "gone", object(*t), fmt::format("table {} in {} is gone, or was emptied", t->name, t->database),
          words::bytes(static_cast<double>(t->size())));
}

std::string columns_of(const Index& i) {
  std::string out;
  for (const std::string& c : i.columns)
    out += (out.empty() ? "" : ", ") + (c.empty() ? std::string("an expression") : c);
  return fmt::format("{}on {} ({})", i.is_unique ? "unique, " : "", i.table, out);
}

// An index is gone when its table is still looked at, and it is not.
void compare_indexes_of(const Probe<Index>& probe, const Input& then, const Input& now, std::set<std::string>& told,
                        Changes& out) {
  const auto a = by_key(probe, then.now(probe)), b = by_key(probe, now.now(probe));
  std::set<std::string> tables_then, tables_now;
  const auto table_of = [](const Index& i) { return i.database + "\n" + i.table; };
  for (const auto& [key, i] : a) tables_then.insert(table_of(*i));
  for (const auto& [key, i] : b) tables_now.insert(table_of(*i));
  for (const auto& [key, t] : by_key(tables, then.now(tables))) tables_then.insert(key);
  for (const auto& [key, t] : by_key(tables, now.now(tables))) tables_now.insert(key);
  const auto object = [](const Index& i) { return Object{"index", i.name, i.database}; };
  for (const auto& [key, i] : a) {
    const auto is = b.find(key);
    if (is == b.end() && tables_now.contains(table_of(*i)) && told.insert(key).second)
      add(out, "gone", object(*i),
          fmt::format("index {} in {} is gone; it was {}", i->name, i->database, columns_of(*i)), columns_of(*i));
    if (is != b.end() && i->is_valid != is->second->is_valid && told.insert(key).second)
      add(out, "changed", object(*i),
          fmt::format("index {} in {} {}", i->name, i->database, i->is_valid ? "became invalid" : "is valid now"));
  }
  for (const auto& [key, i] : b)
    if (!a.contains(key) && tables_then.contains(table_of(*i)) && told.insert(key).second)
      add(out, "appeared", object(*i),
          fmt::format("index {} in {} appeared{}: {}", i->name, i->database, i->is_valid ? "" : ", invalid",
                      columns_of(*i)),
          "", columns_of(*i));
}

void compare_indexes(const Input& then, const Input& now, Changes& out) {
  std::set<std::string> told;
  compare_indexes_of(indexes, then, now, told, out);
  if (then.seen(plan_indexes) != nullptr && now.seen(plan_indexes) != nullptr)
    compare_indexes_of(plan_indexes, then, now, told, out);
}

std::map<std::string, const Plan*> newest_plans(const Input& in) {
  std::map<std::string, const Plan*> all;
  for (const auto& answer : in.series(plans, in.history().keep_seconds))
    for (const Plan& p : answer.rows)
      if (!p.json.empty()) all[plan_key(p) + "\n" + p.source] = &p;
  return all;
}

void compare_plans(const Input& then, const Input& now, Changes& out) {
  const auto a = newest_plans(then), b = newest_plans(now);
  for (const auto& [key, p] : b) {
    const auto old = a.find(key);
    if (old == a.end() || plan_shape(old->second->json) == plan_shape(p->json)) continue;
    const auto ways = [](const Plan& plan) {
      std::vector<std::string> all;
      for (const PlanRead& r : reads_of(parse_plan(plan.json))) all.push_back(r.title() + " of " + r.relation);
      return words::list(all, 3);
    };
    const std::string before = ways(*old->second), after = ways(*p);
    add(out, "changed", {"query", p->query_id, p->database},
        fmt::format("the plan of {} changed: {}, it was {}", words::one_line(p->query, 160), after, before), before,
        after);
  }
}

// What is worth reading first.
int order(const Change& c) {
  static constexpr std::string_view kinds[] = {"gone", "appeared", "changed", "load", "grew", "shrank"};
  return static_cast<int>(std::find(std::begin(kinds), std::end(kinds), c.kind) - std::begin(kinds));
}

}  // namespace

const std::vector<Comparison>& comparisons() {
  static const std::vector<Comparison> all{
      {&server, compare_server},     {&databases, compare_databases}, {&extensions, compare_extensions},
      {&timeouts, compare_timeouts}, {&tables, compare_tables},       {&indexes, compare_indexes},
      {&plans, compare_plans}};
  return all;
}

Changes compare(const Side& then, const Side& now) {
  static const CheckSettings none;
  Changes out{.since = then.at, .all = {}, .unknown = {}};
  const Input a(*then.history, *then.context, none, then.at), b(*now.history, *now.context, none, now.at);
  std::vector<std::string> missing_then, missing_now;
  for (const Comparison& c : comparisons()) {
    const Answer *was = a.seen(*c.reads), *is = b.seen(*c.reads);
    if (was != nullptr && is != nullptr && (c.reads != &server || (was->rows->size() > 0 && is->rows->size() > 0)))
      c.compare(a, b, out);
    else
      (was == nullptr ? missing_then : missing_now).push_back(words::one_line(c.reads->about().title));
  }
  if (!missing_then.empty()) out.unknown.push_back("not seen then: " + words::list(missing_then, 10));
  if (!missing_now.empty()) out.unknown.push_back("not seen now: " + words::list(missing_now, 10));
  compare_load(then, now, out);
  std::stable_sort(out.all.begin(), out.all.end(),
                   [](const Change& x, const Change& y) { return order(x) < order(y); });
  return out;
}

}  // namespace pgvigil
