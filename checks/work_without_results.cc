#include <fmt/format.h>

#include <algorithm>

#include "checks/check.h"
#include "checks/load.h"
#include "checks/probes/databases.h"
#include "checks/probes/statements.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

// A report or a dump reads everything on purpose, and reads it with few sessions; so the ratio alone is only
// mentioned. With a crowd of slow statements it is the mark of look-ups that search instead of finding.
constexpr Setting<Ratio> ratio{"ratio", 100,
                               "rows read per row found, changed or handed out from which it is mentioned"};
constexpr Setting<PerSecond> read{"read", 100'000, "rows read per second below which nothing is said"};
constexpr Setting<Count> busy{"busy", 1, "active sessions below which nothing is said"};
constexpr Setting<Seconds> slow{"slow", 1, "age from which a running statement counts as slow"};
constexpr Setting<Count> crowd{"crowd", 20, "slow statements at once from which it warns"};
constexpr Setting<Seconds> window{"window", 60, "rates and load are taken over this time"};

struct Work {
  double read = 0, useful = 0;
  bool known = false;
  std::string database = {};  // that reads most
  double most = 0;
};

// Rows that statements handed out are known only for those that finished, where pg_stat_statements is there;
// rows fetched through an index, and rows changed, are work with a result in any case.
Work work(const Input& in) {
  Work w;
  for (const Database& d : in.now(databases)) {
    const auto scanned = in.rate(databases, d, &Database::rows_returned, in[window]);
    if (!scanned) continue;
    w.known = true;
    w.read += *scanned;
    if (*scanned > w.most) w.most = *scanned, w.database = d.name;
    for (const auto member :
         {&Database::rows_fetched, &Database::rows_inserted, &Database::rows_updated, &Database::rows_deleted})
      w.useful += in.rate(databases, d, member, in[window]).value_or(0);
  }
  for (const Statement& s : in.now(statements))
    w.useful += in.rate(statements, s, &Statement::rows, in[window]).value_or(0);
  return w;
}

std::vector<Finding> evaluate(const Input& in) {
  const Work w = work(in);
  const Load l = load(in, in[window]);
  if (!w.known || w.read < in[read] || w.read < in[ratio] * w.useful || l.clients < in[busy]) return {};
  const double slow_ones = long_running(in, in[window], in[slow]);
  Finding f;
  f.role = Role::symptom;
  f.severity = slow_ones >= in[crowd] ? Severity::warning : Severity::info;
  f.act_by = ActBy::today;
  f.object = {"server", in.context().target};
  f.sentence = fmt::format("{} are read, {} are found, changed or handed out", words::rate(w.read, "rows"),
                           words::rate(w.useful, ""));
  f.evidence = {
      {"rows read", words::rate(w.read, "rows")},
      {"rows found by index, changed or handed out", words::rate(w.useful, "rows")},
      {"reads most", words::one_line(w.database, 63)},
      {"active sessions", fmt::format("{}, {} of them slow", words::number(l.clients), words::number(slow_ones))}};
  for (std::size_t i = 0; i < l.queries.size() && i < 2; ++i) f.evidence.push_back({"query", in_words(l.queries[i])});
  f.confidence = slow_ones >= in[crowd] ? Confidence::medium : Confidence::low;
  f.basis = "counters of pg_stat_database, which move when statements end";
  return {std::move(f)};
}

std::string fine(const Input& in) {
  const Work w = work(in);
  if (!w.known) return {};
  return fmt::format("{} read, {} found or changed", words::rate(w.read, "rows"), words::rate(w.useful, ""));
}

// Half a minute in which this many rows were read and found, with `clients` statements of this age running.
Scenario reading(std::int64_t rows_read, std::int64_t found, int clients, double age, std::int64_t handed_out = 0) {
  Scenario out;
  Database d;
  d.name = "shop";
  out.saw(30, databases, {d});
  d.rows_returned = rows_read;
  d.rows_fetched = found;
  out.saw(0, databases, {d});
  Statement st;
  st.query_id = "1";
  st.database = "shop";
  out.saw(30, statements, {st});
  st.rows = handed_out;
  out.saw(0, statements, {st});
  for (double ago = 30; ago >= 0; ago -= 5) {
    std::vector<Session> all;
    for (int i = 0; i < clients; ++i) {
      Session s;
      s.pid = 100 + i;
      s.backend_type = "client backend";
      s.state = "active";
      s.query_age = age;
      all.push_back(s);
    }
    out.saw(ago, activity, all);
  }
  return out;
}

Scenario earlier() {
  Scenario out;
  Database d;
  d.name = "shop";
  out.saw(300, databases, {d});
  d.rows_returned = 600'000'000;
  for (double ago = 240; ago >= 0; ago -= 10) out.saw(ago, databases, {d});
  Session s;
  s.pid = 100;
  s.backend_type = "client backend";
  s.state = "active";
  s.query_age = 200;
  return out.saw(0, activity, {s});
}

}  // namespace

extern const Check work_without_results;
const Check work_without_results{
    .id = "work_without_results",
    .title = "Much is read, little is found",
    .why = "Cores and disks are kept busy with rows that no one gets: look-ups search through whole tables.",
    .role = Role::symptom,
    .reads = {databases, activity},
    .may_read = {statements},
    .settings = {ratio, read, busy, slow, crowd, window},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"110 look-ups that scan", [] { return reading(60'000'000, 900, 110, 6); }, {Severity::warning}},
                 {"two reports that read whole tables",
                  [] { return reading(60'000'000, 100, 2, 20); },
                  {Severity::info}},
                 {"a dump hands out what it reads", [] { return reading(60'000'000, 100, 1, 60, 60'000'000); }, {}},
                 {"look-ups by index", [] { return reading(60'000'000, 59'000'000, 16, 0.02); }, {}},
                 {"it was so until four minutes ago", [] { return earlier(); }, {}},
                 {"little is read", [] { return reading(60'000, 1, 30, 6); }, {}},
                 {"no one is active", [] { return reading(60'000'000, 100, 0, 0); }, {}}},
};

}  // namespace pgvigil
