#include <fmt/format.h>

#include <algorithm>

#include "checks/check.h"
#include "checks/load.h"
#include "checks/plans/scan_examples.h"
#include "checks/plans/scans.h"
#include "checks/probes/duplicates.h"
#include "checks/probes/plan_indexes.h"
#include "checks/probes/plan_tables.h"
#include "checks/probes/statement_texts.h"
#include "checks/probes/statements.h"
#include "checks/probes/table_sizes.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Bytes> min_size{
    "min_size", 1_GiB, "a table that is read and larger than this (with TOAST) needs an index, whatever the load"};
constexpr Setting<Bytes> mention_size{"mention_size", 64_KiB, "tables smaller than this are never mentioned"};
constexpr Setting<Count> min_load{"min_load", 0.2,
                                  "average active sessions from which on a table of any size needs an index"};
constexpr Setting<Ratio> critical_load{"critical_load", 0.5, "critical from this many sessions per vCPU on"};
constexpr Setting<Ratio> critical_share{"critical_share", 0.5,
                                        "critical from this share of all load on, where executions repeat"};
constexpr Setting<Count> repeated{"repeated", 5, "executions within half a minute from which they repeat"};
constexpr double window = 60;

struct Use {  // of one table by the queries that run
  double sessions = 0, share = 0, executions = 0;
  bool harmful = false, rightful = false;
  const TableReader* lookup = nullptr;  // one that an index would serve
};

Use use_of(const ReadTable* read) {
  Use u;
  if (read == nullptr) return u;
  for (const TableReader& r : read->readers) {
    u.harmful = u.harmful || r.verdict == ScanVerdict::harmful;
    const bool served = r.advice.creates();
    // The judge calls a scan of a small table rightful; what an index would spare counts here at any size.
    const bool looks_up =
        served && (!r.scan || (!r.scan->filter.empty() && r.scan->rows_kept < 0.05 * r.scan->rows_read));
    u.rightful = u.rightful || (!looks_up && r.verdict == ScanVerdict::rightful);
    if (!looks_up && r.verdict != ScanVerdict::harmful) continue;
    u.sessions += r.query.sessions;
    u.share += r.query.share;
    u.executions += static_cast<double>(r.query.executions);
    if (u.lookup == nullptr && served) u.lookup = &r;
  }
  return u;
}

// A look-up that no sample caught, from the texts of queries that finish; the advice is what an index would be on.
struct Told {
  const StatementText* text = nullptr;
  IndexAdvice advice = {};
};
Told told_by_texts(const Input& in, const Catalogue& catalogue, const KnownTable& known) {
  for (const auto& answer : in.series(statement_texts, 900))
    for (const StatementText& s : answer.rows) {
      if (s.database != known.table.database || s.text.find(known.table.relation) == std::string::npos) continue;
      for (const auto& use : catalogue.relations(s.database, s.text)) {
        if (catalogue.find(s.database, use.schema, use.relation) != &known) continue;
        IndexAdvice advice = advise(use, known);
        if (advice.kind == IndexAdvice::Kind::create && !advice.columns.empty()) return {&s, std::move(advice)};
      }
    }
  return {};
}

std::vector<Finding> evaluate(const Input& in) {
  const Catalogue catalogue(in);
  const Load now = load(in, 30);
  const auto readers = read_tables(in, catalogue, now, 10_MiB);
  std::vector<Finding> found;
  for (const auto& [key, known] : catalogue.all()) {
    const Table& t = known.table;
    if (t.usable_indexes > 0 || t.kind == "p" || t.size() < in[mention_size]) continue;
    const auto read =
        std::find_if(readers.begin(), readers.end(), [&k = known](const ReadTable& r) { return r.known == &k; });
    const Use use = use_of(read == readers.end() ? nullptr : &*read);
    const double rate = in.rate(tables, t, &Table::seq_rows_read, window).value_or(0);
    if (rate <= 0 && use.lookup == nullptr && !use.harmful) continue;  // an archive that nobody reads is no fault
    const Told told = use.lookup == nullptr && !use.harmful ? told_by_texts(in, catalogue, known) : Told{};
    if (use.lookup == nullptr && !use.harmful && told.text == nullptr &&
        (use.rightful || read_by_utility(in, known, window)))
      continue;

    Finding f;
    const bool loaded = use.sessions >= in[min_load], large = t.size() >= in[min_size];
    // What carries load is a cause; what will once it does is posture. A harmful plan has seq_scan_hot_query to name
    // it.
    if (use.harmful)
      f.severity = Severity::info;
    else if (loaded)
      f.severity = t.size() >= 1_MiB && heavy(in, {in[critical_load], in[critical_share], in[repeated]}, use.sessions,
                                              use.share, use.executions)
                       ? Severity::critical
                       : Severity::warning;
    else
      f.severity = large ? Severity::warning : Severity::info;
    f.act_by = f.severity == Severity::critical ? ActBy::now
               : loaded                         ? ActBy::today
               : large                          ? ActBy::this_week
                                                : ActBy::later;
    f.object = {"table", t.name, t.database};
    f.tables = {t.name};
    f.load = use.sessions;
    const std::string columns =
        fmt::format("{}", fmt::join(use.lookup == nullptr ? told.advice.columns : use.lookup->advice.columns, ", "));
    f.sentence = fmt::format("{} is read and has no usable index{}", described(t),
                             columns.empty() ? ": by which columns is not known, no query text was seen"
                                             : ": queries look it up by (" + columns + ")");
    f.evidence = {{"rows read by sequential scans", words::rate(rate, "rows")}};
    if (use.lookup != nullptr) {
      f.queries = {use.lookup->query.query_id};
      f.sessions = use.lookup->query.pids;
      f.evidence.push_back({"query", words::one_line(use.lookup->query.query, 300)});
    } else if (told.text != nullptr) {
      f.queries = {told.text->query_id};
      f.evidence.push_back({"query", words::one_line(told.text->text, 300)});
    }
    if (!columns.empty()) f.fix = fmt::format("index on {} ({})", t.name, columns);
    for (Evidence& e : about(known)) f.evidence.push_back(std::move(e));
    f.confidence = use.lookup != nullptr ? Confidence::medium : Confidence::low;
    f.basis = use.lookup != nullptr ? "the catalogue, and the text of a running query"
                                    : "the catalogue and counters of rows read";
    if (told.text != nullptr) {
      f.confidence = Confidence::medium;
      f.basis = "the catalogue, and the text of a query that finished";
      f.remedies = cure_of(in, known, told.advice, 0, {});
    }
    if (use.lookup != nullptr && !use.harmful) f.remedies = cure_of(in, known, *use.lookup, use.sessions, {});
    found.push_back(std::move(f));
  }
  std::stable_sort(found.begin(), found.end(), [](const Finding& a, const Finding& b) { return a.load > b.load; });
  return found;
}

std::string fine(const Input& in) {
  std::size_t n = 0;
  for (const Table& t : in.now(tables)) n += t.usable_indexes > 0 ? 1 : 0;
  return fmt::format("{} looked at, {} of them with an index, no other is read",
                     words::counted(static_cast<double>(in.now(tables).size()), "table"), n);
}

using scan_examples::past;

}  // namespace

extern const Check unindexed_table;
const Check unindexed_table{
    .id = "unindexed_table",
    .title = "A table that is read has no index",
    .why = "Every look-up reads the whole table; a few of them a second use up every core.",
    .role = Role::cause,
    .family = "scans",
    .explains = {"cpu_saturated", "load_above_cores", "connections_rising", "connections_saturated",
                 "queries_timing_out", "work_without_results", "pool_pinned"},
    .reads = {tables},
    .may_read = {activity, plans, plan_tables, indexes, plan_indexes, relation_columns, table_sizes, server, duplicates,
                 statements, statement_texts},
    .settings = {min_size, mention_size, min_load, critical_load, critical_share, repeated},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"the incident, named by its hot query",
                  [] { return past({.plan = scan_examples::incident_plan()}); },
                  {Severity::info}},
                 {"a table too small for a plan to blame carries the load",
                  [] {
                    return past({.plan = scan_examples::incident_plan(),
                                 .age = 0.05,
                                 .rows = 40'000,
                                 .heap_bytes = 8 << 20,
                                 .toast_bytes = 0});
                  },
                  {Severity::critical}},
                 {"... or a third of it, enough for most cores",
                  [] {
                    return past({.plan = scan_examples::incident_plan(),
                                 .sessions = 3,
                                 .age = 0.05,
                                 .others = 6,
                                 .rows = 40'000,
                                 .heap_bytes = 8 << 20,
                                 .toast_bytes = 0});
                  },
                  {Severity::critical}},
                 {"... or most of little load, again and again",
                  [] {
                    return past({.plan = scan_examples::incident_plan(),
                                 .sessions = 1,
                                 .age = 0.05,
                                 .rows = 40'000,
                                 .heap_bytes = 8 << 20,
                                 .toast_bytes = 0,
                                 .again = true});
                  },
                  {Severity::critical}},
                 {"... or somebody reads it once, beside nobody",
                  [] {
                    return past({.plan = scan_examples::incident_plan(),
                                 .sessions = 1,
                                 .age = 40,
                                 .rows = 40'000,
                                 .heap_bytes = 8 << 20,
                                 .toast_bytes = 0});
                  },
                  {Severity::warning}},
                 {"... or part of it",
                  [] {
                    return past({.plan = scan_examples::incident_plan(),
                                 .sessions = 1,
                                 .age = 0.05,
                                 .others = 5,
                                 .rows = 40'000,
                                 .heap_bytes = 8 << 20,
                                 .toast_bytes = 0});
                  },
                  {Severity::warning}},
                 {"a small table looked up by a light query",
                  [] {
                    return past({.query = "SELECT dump_id FROM docs WHERE dump_id = $1",
                                 .sessions = 0,
                                 .rows = 2'025,
                                 .heap_bytes = 72 << 10,
                                 .toast_bytes = 0,
                                 .rows_read = 2'025});
                  },
                  {Severity::info}},
                 {"large, read by nobody knows whom",
                  [] { return past({.sessions = 0, .heap_bytes = 5LL << 30}); },
                  {Severity::warning}},
                 {"an archive that nobody reads",
                  [] { return past({.sessions = 0, .heap_bytes = 5LL << 30, .rows_read = 0}); },
                  {}},
                 {"an archive being dumped",
                  [] {
                    return past({.query = "COPY public.docs (dump_id) TO stdout",
                                 .sessions = 1,
                                 .application = "pg_dump",
                                 .heap_bytes = 5LL << 30});
                  },
                  {}},
                 {"a report that needs every row",
                  [] {
                    return past({.query = "SELECT state, count(*) FROM docs GROUP BY state",
                                 .plan = scan_examples::aggregate_plan("docs", 600'000),
                                 .heap_bytes = 5LL << 30});
                  },
                  {}},
                 {"it has an index",
                  [] {
                    return past({.plan = scan_examples::incident_plan(), .index = {"dump_id", "path"}});
                  },
                  {}}},
};

}  // namespace pgvigil
