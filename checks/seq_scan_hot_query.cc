#include <fmt/format.h>

#include <algorithm>

#include "checks/cannot_judge.h"
#include "checks/check.h"
#include "checks/load.h"
#include "checks/plans/misjudged.h"
#include "checks/plans/scan_examples.h"
#include "checks/plans/scans.h"
#include "checks/probes/called_functions.h"
#include "checks/probes/duplicates.h"
#include "checks/probes/foreign_servers.h"
#include "checks/probes/plan_indexes.h"
#include "checks/probes/plan_tables.h"
#include "checks/probes/relation_places.h"
#include "checks/probes/server_settings.h"
#include "checks/probes/statements.h"
#include "checks/probes/table_sizes.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Bytes> min_size{"min_size", 10_MiB, "reading less than this in one execution is no fault"};
constexpr Setting<Count> min_load{"min_load", 0.2, "average active sessions below which a query is left alone"};
constexpr Setting<Ratio> critical_load{"critical_load", 0.5, "critical from this many sessions per vCPU on"};
constexpr Setting<Ratio> critical_share{"critical_share", 0.5,
                                        "critical from this share of all load on, where executions repeat"};
constexpr Setting<Count> repeated{"repeated", 5, "executions within half a minute from which they repeat"};
constexpr Setting<Seconds> long_query{"long_query", 1,
                                      "critical only where executions take this long, or all cores are taken"};
constexpr double window = 30;

std::string sentence(const TableReader& worst, const KnownTable& known) {
  const bool whole = known.table.rows.has_value();
  std::string kept;
  if (worst.scan && worst.scan->first > 0)
    kept = fmt::format(" to return the first {}", words::count(worst.scan->first));
  else if (worst.scan && !worst.scan->filter.empty())
    kept = fmt::format(" to keep {}", words::counted(std::max(1.0, std::round(worst.scan->rows_kept)), "row"));
  else if (worst.scan)
    kept = fmt::format(": {}", worst.scan->reason);
  std::string why;
  const std::string columns = worst.advice.definition();
  switch (worst.advice.kind) {
    case IndexAdvice::Kind::create:
      why = "no index on " + columns;
      break;
    case IndexAdvice::Kind::invalid_exists:
      why = fmt::format("the index {} on {} is invalid", worst.advice.index, columns);
      break;
    default:
      why = worst.advice.why_not;
      break;
  }
  return fmt::format("{} of the query reads {} of {}{}{}{}{}", worst.scan ? "every run" : "by its text, each run",
                     worst.scan && worst.scan->index ? "much" : "all", described(known.table),
                     whole ? "" : ", rows unknown", worst.inside.empty() ? "" : ", in " + worst.inside + ",", kept,
                     why.empty() ? "" : (worst.scan && worst.scan->filter.empty() ? "; " : ": ") + why);
}

// A join whose size the planner misjudges says little about the scans below it: the statistics come first. And of a
// table that is nearly all dead rows VACUUM may leave little to read.
void doubt(const std::vector<Misjudged>& queries, ReadTable& t) {
  for (TableReader& r : t.readers) {
    if (t.known->table.nearly_all_dead() && r.verdict == ScanVerdict::harmful) {
      r.confidence = Confidence::low;
      r.basis += "; but nearly all that it reads are dead rows";
    }
    for (const Misjudged& m : queries)
      if (r.scan && r.scan->filter.empty() && m.query.query_id == r.query.query_id &&
          m.query.database == r.query.database) {
        r.confidence = Confidence::low;
        r.basis += ", which rests on statistics that are not of today";
      }
  }
}

std::optional<Finding> judged(const Input& in, const ReadTable& t) {
  Finding f;
  const TableReader* worst = nullptr;
  double share = 0, oldest = 0, executions = 0;
  bool configured = false;
  for (const TableReader& r : t.readers) {
    if (r.verdict != ScanVerdict::harmful || r.advice.obstacle == Obstacle::statistics) continue;  // stale_statistics
    // Of the worst readers the one with a cure speaks for the table.
    if (worst == nullptr || (!worst->advice.creates() && r.advice.creates())) worst = &r;
    f.load += r.query.sessions;
    share += r.query.share;
    executions += static_cast<double>(r.query.executions);
    oldest = std::max(oldest, r.query.oldest_seconds);
    configured = configured || r.configured;
    f.queries.push_back(r.query.query_id);
    f.queries.insert(f.queries.end(), r.ids.begin(), r.ids.end());
    f.sessions.insert(f.sessions.end(), r.query.pids.begin(), r.query.pids.end());
  }
  if (worst == nullptr) return std::nullopt;
  const bool material = f.load >= in[min_load];
  if (!material && !(configured && worst->confidence == Confidence::high)) return std::nullopt;

  const auto cores = vcpus(in);
  const bool felt = heavy(in, {in[critical_load], in[critical_share], in[repeated]}, f.load, share, executions);
  const bool slow = oldest >= in[long_query] || (cores && f.load >= *cores);
  const bool critical = material && felt && slow && worst->confidence != Confidence::low;
  f.severity = critical ? Severity::critical : Severity::warning;
  f.act_by = critical ? ActBy::now : material ? ActBy::today : ActBy::this_week;
  std::sort(f.queries.begin(), f.queries.end());
  f.queries.erase(std::unique(f.queries.begin(), f.queries.end()), f.queries.end());
  f.object = {"table", t.known->table.name, t.known->table.database};
  f.tables = {t.known->table.name};
  f.sentence = sentence(*worst, *t.known);
  f.confidence = worst->confidence;
  f.basis = worst->basis;
  f.fix = worst->advice.creates() ? fmt::format("index on {} {}", t.known->table.name, worst->advice.definition())
                                  : worst->advice.why_not;
  for (const TableReader& r : t.readers) {
    if (r.verdict != ScanVerdict::harmful || f.evidence.size() >= 9) continue;
    f.evidence.push_back({"query", words::one_line(r.query.query, 300)});
    if (!r.inside.empty()) f.evidence.push_back({"which runs in " + r.inside, words::one_line(r.inner, 300)});
    if (r.query.sessions > 0)
      f.evidence.push_back({"load", fmt::format("{} on average, {} of all, longest execution {}",
                                                words::counted(std::round(r.query.sessions * 10) / 10, "session"),
                                                words::share(r.query.share), words::duration(r.query.oldest_seconds))});
    if (r.scan) {
      f.evidence.push_back({"plan", fmt::format("{} on {}{}{}; {}", r.scan->node, r.scan->relation,
                                                r.scan->filter.empty() ? "" : ", filter ",
                                                words::one_line(r.scan->filter, 300), r.scan->reason)});
      f.evidence.push_back(
          {"rows read for each row kept", words::count(r.scan->rows_read / std::max(1.0, r.scan->rows_kept))});
    }
  }
  for (Evidence& e : about(*t.known)) f.evidence.push_back(std::move(e));
  if (!worst->advice.why_not.empty()) f.evidence.push_back({"why no index serves it", worst->advice.why_not});

  // Queries on one table may need different indexes; each is offered once, first aid only once.
  std::vector<std::vector<std::string>> offered;
  for (const TableReader& r : t.readers) {
    const bool first = &r == worst;
    if (r.verdict != ScanVerdict::harmful || (!first && !r.advice.creates())) continue;
    if (r.advice.creates()) {
      const auto sorted = [](std::vector<std::string> v) { return std::sort(v.begin(), v.end()), v; };
      if (std::find(offered.begin(), offered.end(), sorted(r.advice.columns)) != offered.end()) continue;
      offered.push_back(sorted(r.advice.columns));
    }
    for (Remedy& m :
         cure_of(in, *t.known, r, first ? f.load : r.query.sessions, first ? f.sessions : std::vector<std::int64_t>{}))
      f.remedies.push_back(std::move(m));
  }
  if (worst->advice.obstacle == Obstacle::setting && !f.remedies.empty() &&
      f.remedies.back().kind == Remedy::Kind::cure) {
    std::vector<std::string> titles;
    for (const Step& s : f.remedies.back().steps) titles.push_back(s.title);
    f.fix = words::list(titles, 3);
  }
  return f;
}

std::vector<Finding> evaluate(const Input& in) {
  const Catalogue catalogue(in);
  std::vector<Finding> found;
  const Load all = load(in, window);
  const auto misread = misjudged(in, catalogue, all, {.min_load = in[min_load]});
  for (ReadTable& t : read_tables(in, catalogue, all, in[min_size])) {
    doubt(misread, t);
    if (auto f = judged(in, t)) found.push_back(std::move(*f));
  }
  if (found.empty()) need_sight(in);
  std::stable_sort(found.begin(), found.end(), [](const Finding& a, const Finding& b) { return a.load > b.load; });
  return found;
}

std::string fine(const Input& in) {
  std::size_t seen = 0;
  std::string elsewhere;  // nothing here would mend that
  for (const Plan& p : in.now(plans)) {
    seen += p.json.empty() ? 0 : 1;
    if (const std::string where = spent_elsewhere(in, p); !where.empty() && elsewhere.empty())
      elsewhere = fmt::format("; but {} waits for {}", words::one_line(p.query, 80), where);
  }
  return seen == 0 ? ""
                   : fmt::format("{} looked at, none scans a large table to keep few rows{}",
                                 words::counted(static_cast<double>(seen), "plan"), elsewhere);
}

using scan_examples::past;

}  // namespace

extern const Check seq_scan_hot_query;
const Check seq_scan_hot_query{
    .id = "seq_scan_hot_query",
    .title = "A hot query reads a whole table to keep a few rows",
    .why =
        "Each execution costs what the table's size costs. A few of them a second use up every core, and users wait "
        "until they time out.",
    .role = Role::cause,
    .family = "scans",
    .explains = {"cpu_saturated", "load_above_cores", "connections_rising", "connections_saturated",
                 "queries_timing_out", "work_without_results", "pool_pinned", "hot_row"},
    .reads = {activity, tables},
    .may_read = {plans, plan_tables, indexes, plan_indexes, relation_columns, table_sizes, server, duplicates,
                 statements, called_functions, relation_places, foreign_servers, server_settings},
    .settings = {min_size, min_load, critical_load, critical_share, repeated, long_query},
    .evaluate = evaluate,
    .fine = fine,
    .examples =
        {{"the incident", [] { return past({.plan = scan_examples::incident_plan()}); }, {Severity::critical}},
         {"the incident, EXPLAIN refused", [] { return past({.refused = "42501"}); }, {Severity::critical}},
         {"one of many queries",
          [] { return past({.plan = scan_examples::incident_plan(), .sessions = 3, .others = 6}); },
          {Severity::critical}},
         {"most of a small load, again and again",
          [] { return past({.plan = scan_examples::incident_plan(), .sessions = 1, .again = true}); },
          {Severity::critical}},
         {"the incident in a look of two seconds",
          [] {
            Scenario s = past({.plan = scan_examples::incident_plan(), .samples = 17, .gap = 0.125});
            s.context.one_shot = true;
            return s;
          },
          {Severity::critical}},
         {"somebody's one query on an otherwise idle server",
          [] { return past({.plan = scan_examples::incident_plan(), .sessions = 1}); },
          {Severity::warning}},
         {"the same on one core, in a look of two seconds",
          [] {
            Scenario s = past({.plan = scan_examples::incident_plan(), .sessions = 1, .samples = 17, .gap = 0.125});
            s.context.one_shot = true;
            s.context.vcpus = 1;
            return s;
          },
          {Severity::warning}},
         {"some load in short executions",
          [] { return past({.plan = scan_examples::incident_plan(), .sessions = 1, .age = 0.3, .others = 4}); },
          {Severity::warning}},
         {"a build failed and left an invalid index",
          [] {
            return past({.plan = scan_examples::incident_plan(), .index = {"dump_id", "path"}, .invalid = true});
          },
          {Severity::critical}},
         {"nearly all that it reads are dead rows",
          [] { return past({.plan = scan_examples::incident_plan(), .live_rows = 1000, .dead_rows = 600'000}); },
          {Severity::warning}},
         {"a function defeats the index",
          [] {
            return past({.query = "SELECT data FROM docs WHERE lower(path) = $1",
                         .plan = scan_examples::scan_plan("docs", "(lower(docs.path) = ?)", 1),
                         .index = {"path"}});
          },
          {Severity::critical}},
         {"named in the configuration, not running now",
          [] { return past({.plan = scan_examples::incident_plan(), .sessions = 0, .configured = true}); },
          {Severity::warning}},
         {"a small table scanned all the time",
          [] {
            return past({.plan = scan_examples::incident_plan(),
                         .age = 0.01,
                         .rows = 2'000,
                         .heap_bytes = 1 << 20,
                         .toast_bytes = 0});
          },
          {}},
         {"a report that needs every row",
          [] {
            return past({.query = "SELECT state, count(*) FROM docs GROUP BY state",
                         .plan = scan_examples::aggregate_plan("docs", 600'000)});
          },
          {}},
         {"plan not seen, an index begins with its column",
          [] { return past({.refused = "42501", .index = {"dump_id"}}); },
          {}},
         {"nobody asks",
          [] { return past({.plan = scan_examples::incident_plan(), .sessions = 0, .others = 2}); },
          {}}},
};

}  // namespace pgvigil
