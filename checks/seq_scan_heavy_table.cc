#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "checks/check.h"
#include "checks/load.h"
#include "checks/plans/holders.h"
#include "checks/plans/scan_examples.h"
#include "checks/plans/scans.h"
#include "checks/probes/duplicates.h"
#include "checks/probes/plan_indexes.h"
#include "checks/probes/plan_tables.h"
#include "checks/probes/relation_locks.h"
#include "checks/probes/server_settings.h"
#include "checks/probes/statements.h"
#include "checks/probes/table_sizes.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Bytes> min_size{"min_size", 100_MiB, "smaller tables (heap) are left alone"};
constexpr Setting<Bytes> felt_size{"felt_size", 10_MiB,
                                   "... but for those from this size on that so many sessions hold as there are cores, "
                                   "while no plan or text tells why"};
constexpr Setting<PerSecond> min_rows{"min_rows", 500'000,
                                      "rows read by sequential scans below which a table is left alone"};
constexpr Setting<PerSecond> min_reads{"min_reads", 1,
                                       "reads of the whole table below which reports are assumed: no fault"};
constexpr Setting<Ratio> critical_load{"critical_load", 1,
                                       "critical where so many sessions per vCPU hold the table that is read"};
constexpr Setting<Seconds> settled{"settled", 10,
                                   "critical only where they have held it so long: a query that can be explained is "
                                   "named with its columns by then"};
constexpr Setting<PerSecond> polled{"polled", 5,
                                    "reads of the whole table from which statements that need every row are asked too "
                                    "often, where they are more than the cores can take; and from which a table of "
                                    "felt_size is told"};
constexpr double window = 60;
constexpr double crowd = 2;  // sessions for each vCPU

// Who works on the table, by the locks they hold: the only trace of a scan in a function, a trigger or a hidden text.
const TableLoad* held_by(const std::vector<TableLoad>& all, const Table& t) {
  const auto it = std::find_if(all.begin(), all.end(),
                               [&](const TableLoad& l) { return l.database == t.database && l.name == t.name; });
  return it == all.end() ? nullptr : &*it;
}

// Its text compares nothing of the table: what it reads, it may need.
bool asks_for_all(const Holding& h) {
  using How = sql::ColumnUse::How;
  const auto picks = [](const sql::ColumnUse& u) {
    return u.how != How::join && u.how != How::sort && u.how != How::group;
  };
  const auto uses = sql::relations(h.query);
  return !uses.empty() && std::none_of(uses.begin(), uses.end(), [&](const sql::RelationUse& use) {
    return std::any_of(use.uses.begin(), use.uses.end(), picks);
  });
}

// Sessions that are as old as a setting that is no longer: what they plan, a new session would not.
Remedy new_sessions(const Holding& h, const std::string& database) {
  Step s{.title = fmt::format("end the sessions of {} so that its pool opens new ones", words::one_line(h.user, 63)),
         .database = database,
         .run_as = "superuser",
         .sql = {}};
  s.sql = fmt::format(
      "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity\n"
      " WHERE usename = {} AND datname = {} AND backend_start < now() - interval '{:.0f} s';",
      words::literal(h.user), words::literal(database), std::floor(h.opened));
  s.duration = "at once";
  s.lock = "none";
  s.caution = "what they run is cut off, open transactions are rolled back; restarting the pool is gentler";
  return {Remedy::Kind::first_aid, "sessions that begin anew plan with the settings of today", {std::move(s)}};
}

// Which statement, where to look next, and sessions whose plans a new session would not get.
void add_holders(const Input& in, const std::vector<Holding>& holders, const Table& t, Finding& f) {
  double otherwise = 0;
  for (const Holding& h : holders) {
    f.queries.push_back(h.query_id);
    f.evidence.push_back({"statement of the sessions that hold it",
                          fmt::format("{:.0f} %: {}", 100 * h.share, words::one_line(h.query, 300))});
    otherwise += h.planned.empty() ? 0 : h.share;
  }
  if (holders.empty()) return;
  const Holding& first = holders.front();
  if (!first.functions.empty())
    f.evidence.push_back(
        {"look next", fmt::format("at the body of {}: what it runs on {} is not in the text, and the condition there "
                                  "says which columns need an index",
                                  words::list(first.functions, 3), t.name)});
  if (first.planned.empty() || otherwise < 0.8) return;
  f.sentence += ", by sessions that plan otherwise than a new one would";
  f.evidence.push_back({"plan that a new session gets", first.planned});
  f.evidence.push_back({"these sessions", fmt::format("opened {} ago or earlier", words::duration(first.opened))});
  if (const std::string old = outlived_setting(in, first, t.database); !old.empty()) {
    f.evidence.push_back({"set when they began", old});
    f.fix = "new sessions: those that are open keep " + old;
  } else {
    f.evidence.push_back({"look next",
                          "settings of the role or database that were changed after they were opened, SET "
                          "by the application, values for which a plan reads the whole table"});
    f.fix = "new sessions, where a setting of the role was changed: those that are open keep the old one";
  }
  f.remedies.push_back(new_sessions(first, t.database));
}

std::vector<Finding> evaluate(const Input& in) {
  const Catalogue catalogue(in);
  const Load now = load(in, 30);
  const auto readers = read_tables(in, catalogue, now, 10_MiB);
  const auto held = load_by_table(in, 30);
  const auto cores = vcpus(in);
  std::vector<Finding> found;
  for (const Table& t : in.now(tables)) {
    const KnownTable* known = catalogue.find(t.database, t.schema, t.relation);
    const auto rate = in.rate(tables, t, &Table::seq_rows_read, window);
    if (known == nullptr || !rate || *rate < in[min_rows] || known->table.heap_bytes < in[felt_size]) continue;
    const double rows = known->table.rows.value_or(static_cast<double>(known->table.heap_bytes) / 100);
    const double reads = *rate / std::max(1.0, rows);
    const auto read =
        std::find_if(readers.begin(), readers.end(), [&](const ReadTable& r) { return r.known == known; });
    const bool seen = read != readers.end();
    const double harmful = seen ? read->sessions(ScanVerdict::harmful) : 0;
    // Who needs every row reads every row.
    const bool rightful = seen && std::any_of(read->readers.begin(), read->readers.end(),
                                              [](const TableReader& r) { return r.verdict == ScanVerdict::rightful; });
    const double need_all = seen && rightful ? read->sessions(ScanVerdict::rightful) : 0;
    const bool often = cores && need_all >= crowd * *cores && reads >= in[polled];
    const TableLoad* by = held_by(held, t);
    const auto holders = by != nullptr && harmful <= 0 ? holders_of(in, catalogue, *known, 30) : std::vector<Holding>();
    const bool felt = cores && by != nullptr && by->sessions >= *cores && harmful <= 0 && !rightful &&
                      reads >= in[polled] && std::none_of(holders.begin(), holders.end(), asks_for_all);
    if (known->table.heap_bytes < in[min_size] && !felt) continue;
    if (harmful <= 0 && ((rightful && !often) || reads < in[min_reads] || read_by_utility(in, *known, window)))
      continue;

    Finding f;
    // A harmful plan is seq_scan_hot_query's to name; here the load hides in functions, views or short queries.
    f.severity = harmful > 0 ? Severity::info : Severity::warning;
    f.confidence = Confidence::low;
    f.basis = harmful > 0 ? "counters of rows read, beside the plan of a hot query"
                          : "counters of rows read alone: no plan of a query that reads it was seen";
    f.object = {"table", t.name, t.database};
    f.tables = {t.name};
    f.sentence = fmt::format("sequential scans read {} of {}, as much as all of it {} times a second",
                             words::rate(*rate, "rows"), described(known->table), words::number(reads));
    f.evidence = {{"rows read by sequential scans", words::rate(*rate, "rows")}};
    if (seen)
      for (const TableReader& r : read->readers) {
        f.queries.push_back(r.query.query_id);
        f.load += r.query.sessions;
        f.evidence.push_back({"query", words::one_line(r.query.query, 300)});
        if (f.evidence.size() > 5) break;
      }
    if (harmful <= 0 && often) {
      f.sentence += ", for statements that need every row";
      f.fix = "a total that is kept (a summary table, a materialized view), or fewer calls";
      f.confidence = Confidence::medium;
      f.basis = "counters of rows read, and the plan of the statement that does it";
    } else if (by != nullptr && harmful <= 0) {
      f.evidence.push_back({"active sessions that hold it", words::number(by->sessions)});
      f.sessions = by->pids;
      f.load = std::max(f.load, by->sessions);
      add_holders(in, holders, t, f);
      const bool small = known->table.heap_bytes < in[min_size];
      f.confidence = small ? Confidence::low : Confidence::medium;
      f.basis =
          "counters of rows read, and the locks of the sessions that run; no plan of a query that reads it was seen";
      if (!small && cores && by->sessions >= in[critical_load] * *cores && long_running(in, 30, 1) >= 1 &&
          (in.context().one_shot || by->held >= in[settled]))
        f.severity = Severity::critical;
    }
    f.act_by = f.severity == Severity::critical ? ActBy::now : ActBy::today;
    for (Evidence& e : about(*known)) f.evidence.push_back(std::move(e));
    if (harmful > 0) f.evidence.push_back({"cure", "see the hot query on this table"});
    found.push_back(std::move(f));
  }
  return found;
}

std::string fine(const Input& in) {
  double most = 0;
  for (const Table& t : in.now(tables))
    most = std::max(most, in.rate(tables, t, &Table::seq_rows_read, window).value_or(0));
  return fmt::format("at most {} of one table by sequential scans", words::rate(most, "rows"));
}

using scan_examples::aggregate_plan;
using scan_examples::past;

Scenario held_by_many(std::int64_t heap_bytes = 424LL << 20, const std::string& query = "SELECT find_document($1)",
                      std::int64_t rows_read = 60'000'000) {
  Scenario s = past({.query = query, .heap_bytes = heap_bytes, .rows_read = rows_read, .index = {"state"}});
  RelationLock l;
  l.database = "codeintel", l.name = "public.docs", l.sessions = 10, l.pids = {100, 101};
  return s.saw(15, relation_locks, {l}).saw(1, relation_locks, {l});
}

}  // namespace

extern const Check seq_scan_heavy_table;
const Check seq_scan_heavy_table{
    .id = "seq_scan_heavy_table",
    .title = "A large table is read whole again and again",
    .why =
        "Rows read by sequential scans are work for the cores and memory, whoever asks: also what functions and short "
        "queries hide.",
    .role = Role::cause,
    .family = "scans",
    .explains = {"cpu_saturated", "load_above_cores", "connections_rising", "connections_saturated",
                 "queries_timing_out", "work_without_results", "pool_pinned"},
    .reads = {tables},
    .may_read = {activity, relation_locks, plans, plan_tables, indexes, plan_indexes, relation_columns, table_sizes,
                 server, duplicates, statements, server_settings},
    .settings = {min_size, felt_size, min_rows, min_reads, critical_load, settled, polled},
    .evaluate = evaluate,
    .fine = fine,
    .examples =
        {{"look-ups hidden in a function",
          [] { return past({.query = "SELECT find_document($1)", .index = {"state"}}); },
          {Severity::warning}},
         {"the same, and the locks of ten long sessions show it", [] { return held_by_many(); }, {Severity::critical}},
         {"a table of 30 MB that more sessions hold than there are cores",
          [] { return held_by_many(30 << 20, "", 600'000'000); },
          {Severity::warning}},
         {"... for a statement that adds all of it up",
          [] { return held_by_many(30 << 20, "SELECT sum(size) FROM docs", 600'000'000); },
          {}},
         {"... that is read whole now and then", [] { return held_by_many(30 << 20, "", 60'000'000); }, {}},
         {"the incident", [] { return past({.plan = scan_examples::incident_plan()}); }, {Severity::info}},
         {"a report that needs every row",
          [] {
            return past(
                {.query = "SELECT state, count(*) FROM docs GROUP BY state", .plan = aggregate_plan("docs", 600'000)});
          },
          {}},
         {"a page that counts all rows at each request, on four cores",
          [] {
            return past({.query = "SELECT count(*) FROM docs",
                         .plan = aggregate_plan("docs", 600'000),
                         .sessions = 20,
                         .rows_read = 360'000'000});
          },
          {Severity::warning}},
         {"a dump", [] { return past({.query = "COPY public.docs (dump_id, path) TO stdout", .sessions = 1}); }, {}},
         {"a report now and then", [] { return past({.query = "SELECT report()", .rows_read = 31'000'000}); }, {}},
         {"little is read", [] { return past({.query = "SELECT 1", .rows_read = 1'000}); }, {}},
         {"a small table scanned a million times",
          [] { return past({.query = "SELECT f($1)", .rows = 2'000, .heap_bytes = 1 << 20, .toast_bytes = 0}); },
          {}}},
};

}  // namespace pgvigil
