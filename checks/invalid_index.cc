#include <fmt/format.h>

#include <algorithm>

#include "checks/check.h"
#include "checks/probes/index_builds.h"
#include "checks/probes/indexes.h"
#include "checks/probes/server.h"
#include "checks/probes/tables.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<PerSecond> hot{
    "hot", 1, "rows read per second by sequential scans of its table from which the leftover is for today"};

const Table* table_of(const Input& in, const Index& i) {
  for (const Table& t : in.now(tables))
    if (t.database == i.database && t.name == i.table) return &t;
  return nullptr;
}

// Indexes are looked at more seldom than builds: a build that was running when they were looked at made the index
// invalid for a good reason, also when it has ended since.
bool being_built(const Input& in, const Index& i, const Table* table) {
  const Answer* looked = in.history().latest(indexes);
  const double age = looked == nullptr ? 0 : seconds_between(looked->at, in.at());
  for (const auto& answer : in.series(index_builds, age + 15))
    for (const IndexBuild& b : answer.rows) {
      if (b.database != i.database) continue;
      if (b.table == i.table || b.index == i.name || b.index == std::to_string(i.oid)) return true;
      if (table != nullptr && b.table == std::to_string(table->oid)) return true;
    }
  return false;
}

Step drop(const Index& i) {
  Step s{.title = fmt::format("drop the unusable index {}", words::one_line(i.name)),
         .database = i.database,
         .run_as = i.owner,
         .sql = {}};
  if (i.is_constraint) {
    s.title = fmt::format("rebuild the index of a constraint, {}", words::one_line(i.name));
    s.sql = fmt::format("REINDEX INDEX CONCURRENTLY {};", i.name);
    s.duration = "as long as building it";
  } else {
    // As the cure of a scan says it: a report that holds both prints one step, and nobody drops what was built anew.
    s.sql = fmt::format("SET lock_timeout = 0;\nDROP INDEX CONCURRENTLY {};", i.name);
    s.duration = "seconds, once the transactions that use the table have ended";
  }
  s.lock = "none that blocks readers or writers (SHARE UPDATE EXCLUSIVE)";
  s.undo = "none needed: no query can use the index as it is";
  s.caution = "CREATE INDEX IF NOT EXISTS skips this name as long as the leftover is there, and reports success";
  s.minutes = 0.1;
  return s;
}

std::vector<Finding> evaluate(const Input& in) {
  const Answer* builds = in.history().latest(index_builds);
  // Without pg_read_all_stats the progress of other roles' builds is blank.
  const auto servers = in.now(server);
  const bool builds_seen = builds != nullptr && builds->rows && !servers.empty() && servers.front().can_read_stats;
  std::vector<Finding> found;
  for (const Index& i : in.now(indexes)) {
    if (i.is_valid && i.is_ready) continue;
    const Table* table = table_of(in, i);
    // The index of a partitioned table is invalid until each partition has its part: declared so, no leftover.
    if (being_built(in, i, table) || (table != nullptr && table->kind == "p")) continue;
    const auto read = table == nullptr ? std::nullopt : in.rate(tables, *table, &Table::seq_rows_read, 180);
    const bool is_hot = read && *read >= in[hot];
    Finding f;
    f.role = Role::cause;
    f.severity = Severity::warning;
    f.act_by = is_hot ? ActBy::today : ActBy::this_week;
    f.object = {"index", i.name, i.database};
    f.sentence = fmt::format("index {} on {} is invalid: no query uses it{}", words::one_line(i.name),
                             words::one_line(i.table), i.is_ready ? ", every write maintains it" : "");
    std::vector<std::string> columns;
    for (const std::string& c : i.columns) columns.push_back(c.empty() ? "(expression)" : words::one_line(c, 63));
    f.evidence = {{"columns", words::list(columns, 8)}, {"size", words::bytes(static_cast<double>(i.bytes))}};
    if (i.is_unique) f.evidence.push_back({"unique", "yes: duplicate rows may be why its build failed"});
    if (read) f.evidence.push_back({"read by sequential scans of its table", words::rate(*read, "rows")});
    f.evidence.push_back({"build in progress", builds_seen ? "none on this table" : "could not be seen"});
    f.confidence = builds_seen ? Confidence::high : Confidence::medium;
    f.basis = builds_seen ? "the catalogue says invalid, and no build runs"
                          : "the catalogue says invalid; a running build was not ruled out";
    if (builds_seen)
      f.remedies = {{Remedy::Kind::cure, "remove the leftover of a build that failed, then build again", {drop(i)}}};
    else
      f.remedies = {{Remedy::Kind::cure,
                     "GRANT pg_monitor to the monitoring role first: the index may belong to a build that still runs, "
                     "and only when none does it may be dropped",
                     {}}};
    f.tables = {i.table};
    found.push_back(std::move(f));
    if (found.size() == 50) break;
  }
  return found;
}

std::string fine(const Input& in) {
  const double n = static_cast<double>(in.now(indexes).size());
  return n == 0 ? "no invalid index"
                : fmt::format("no invalid leftover among {}", n == 1 ? "1 index" : words::count(n) + " indexes");
}

Scenario leftover(bool valid, double rows_per_second, const char* build_on, const char* kind = "r") {
  Index i;
  i.database = "shop";
  i.table = "public.docs";
  i.name = "public.docs_dump_id_path";
  i.oid = 5001;
  i.owner = "owner";
  i.columns = {"dump_id", "path"};
  i.is_valid = valid;
  Table t;
  t.database = "shop";
  t.name = "public.docs";
  t.oid = 4001;
  t.kind = kind;
  Scenario out;
  out.saw(70, tables, {t}).saw(70, indexes, {i});
  t.seq_rows_read = static_cast<std::int64_t>(rows_per_second * 60);
  out.saw(10, tables, {t}).saw(10, indexes, {i});
  std::vector<IndexBuild> builds;
  if (*build_on != '\0') {
    IndexBuild b;
    b.pid = 812;
    b.database = "shop";
    b.table = build_on;
    builds.push_back(b);
  }
  Server v;
  v.can_read_stats = true;
  return out.saw(10, index_builds, builds).saw(0, index_builds, {}).saw(0, server, {v});
}

Scenario no_build_visible() {
  Scenario out = leftover(false, 0, "");
  out.failed(0, index_builds, {.sqlstate = "42501", .message = "permission denied"});
  return out;
}

}  // namespace

extern const Check invalid_index;
const Check invalid_index{
    .id = "invalid_index",
    .title = "Invalid index left behind",
    .why =
        "A concurrent build that failed leaves an index that no query uses and every write pays for; and a second "
        "attempt with IF NOT EXISTS skips it and reports success.",
    .role = Role::cause,
    .reads = {indexes},
    .may_read = {index_builds, tables, server},
    .settings = {hot},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"a leftover on a table that is scanned",
                  [] { return leftover(false, 500, ""); },
                  {Severity::warning}},
                 {"a leftover on a table nobody reads", [] { return leftover(false, 0, ""); }, {Severity::warning}},
                 {"builds cannot be seen", &no_build_visible, {Severity::warning}},
                 {"a build on the table ran when the index was looked at",
                  [] { return leftover(false, 500, "public.docs"); },
                  {}},
                 {"the same in another database, known by its number", [] { return leftover(false, 500, "4001"); }, {}},
                 {"the index of a partitioned table, until its parts are attached",
                  [] { return leftover(false, 500, "", "p"); },
                  {}},
                 {"valid", [] { return leftover(true, 500, ""); }, {}}},
};

}  // namespace pgvigil
