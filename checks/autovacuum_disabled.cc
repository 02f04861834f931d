#include <fmt/format.h>

#include <algorithm>

#include "checks/check.h"
#include "checks/plans/sql.h"
#include "checks/probes/server.h"
#include "checks/probes/server_settings.h"
#include "checks/probes/tables.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Bytes> min_size{"min_size", 256_MiB, "tables smaller than this may do without autovacuum"};
constexpr Setting<Ratio> dead{"dead", 0.2, "share of dead rows from which such a table is to be vacuumed today"};

Finding posture(Object object, std::string sentence) {
  Finding f;
  f.severity = Severity::warning;
  f.act_by = ActBy::this_week;
  f.object = std::move(object);
  f.sentence = std::move(sentence);
  f.confidence = Confidence::high;
  return f;
}

// Without the counters autovacuum does not know where to go.
void look_at_server(const Input& in, std::vector<Finding>& found) {
  std::string database = "postgres";
  for (const Server& s : in.now(server)) database = s.database;
  for (const ServerSetting& s : in.now(server_settings)) {
    if (s.scope != "server" || (s.name != "autovacuum" && s.name != "track_counts") || s.value != "off") continue;
    Finding f = posture({"setting", s.name},
                        fmt::format("{} is off: dead rows pile up and statistics grow old on every table", s.name));
    f.evidence = {{s.name, "off"}};
    if (!s.file.empty()) f.evidence.push_back({"set in", words::one_line(s.file, 80)});
    f.basis = "the server's own list of settings";
    f.fix = "autovacuum on";
    Step on{.title = "switch it on", .database = database, .run_as = "superuser", .sql = {}};
    on.sql = fmt::format("ALTER SYSTEM SET {} = 'on';\nSELECT pg_catalog.pg_reload_conf();", s.name);
    on.lock = "none";
    on.duration = "at once";
    on.caution = "its workers will have much to catch up with: autovacuum_vacuum_cost_delay keeps them gentle";
    on.undo = fmt::format("ALTER SYSTEM SET {} = 'off';\nSELECT pg_catalog.pg_reload_conf();", s.name);
    f.remedies = {{Remedy::Kind::cure, "autovacuum", {std::move(on)}}};
    found.push_back(std::move(f));
  }
}

void look_at_tables(const Input& in, std::vector<Finding>& found) {
  for (const Table& t : in.now(tables)) {
    const double rows = static_cast<double>(t.live_rows + t.dead_rows);
    const double share = rows > 0 ? static_cast<double>(t.dead_rows) / rows : 0;
    if (!t.autovacuum_off || t.size() < in[min_size]) continue;
    Finding f = posture({"table", t.name, t.database},
                        fmt::format("autovacuum is switched off for {}, {}, {} of its rows dead", t.name,
                                    words::bytes(static_cast<double>(t.size())), words::share(share)));
    if (share >= in[dead]) f.act_by = ActBy::today;
    f.evidence = {{"dead rows", words::count(static_cast<double>(t.dead_rows))},
                  {"size", words::bytes(static_cast<double>(t.size()))}};
    f.basis = "a setting of the table";
    f.fix = fmt::format("autovacuum for {}", t.name);
    f.tables = {t.name};
    Step on{.title = fmt::format("switch it on for {}", t.name), .database = t.database, .run_as = t.owner, .sql = {}};
    on.sql = fmt::format("ALTER TABLE {} RESET (autovacuum_enabled, toast.autovacuum_enabled);", t.name);
    on.lock = "SHARE UPDATE EXCLUSIVE, for a moment";
    on.duration = "at once; the vacuum follows within autovacuum_naptime";
    on.undo = fmt::format("ALTER TABLE {} SET (autovacuum_enabled = off);", t.name);
    f.remedies = {{Remedy::Kind::cure, "autovacuum", {std::move(on)}}};
    found.push_back(std::move(f));
  }
  if (found.size() > 10) found.resize(10);  // the largest come first
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  look_at_server(in, found);
  look_at_tables(in, found);
  return found;
}

std::string fine(const Input&) { return "autovacuum is on, for the server and for every large table"; }

Scenario with(const char* name, const char* value, bool table_off = false, std::int64_t bytes = 0,
              double dead_share = 0) {
  ServerSetting s;
  s.scope = "server", s.name = name, s.value = value, s.boot = "on", s.type = "bool";
  Table t;
  t.database = "shop", t.name = "public.events", t.owner = "owner";
  t.heap_bytes = bytes;
  t.autovacuum_off = table_off;
  t.live_rows = 1'000'000;
  t.dead_rows = static_cast<std::int64_t>(dead_share / (1 - dead_share) * 1e6);
  return Scenario().saw(30, server_settings, {s}).saw(30, tables, {t});
}

}  // namespace

extern const Check autovacuum_disabled;
const Check autovacuum_disabled{
    .id = "autovacuum_disabled",
    .title = "Autovacuum is switched off",
    .why = "Dead rows pile up, scans and indexes grow, and at the end transaction ids run out.",
    .role = Role::cause,
    .explains = {"dead_rows", "xid_wraparound", "stale_statistics"},
    .reads = {server_settings, tables},
    .may_read = {server},
    .settings = {min_size, dead},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"for the whole server", [] { return with("autovacuum", "off"); }, {Severity::warning}},
                 {"the counters are off", [] { return with("track_counts", "off"); }, {Severity::warning}},
                 {"for a large table", [] { return with("work_mem", "64", true, 4LL << 30); }, {Severity::warning}},
                 {"for a large table, a third of it dead",
                  [] { return with("work_mem", "64", true, 4LL << 30, 0.33); },
                  {Severity::warning}},
                 {"for a small staging table", [] { return with("work_mem", "64", true, 1 << 20); }, {}},
                 {"on everywhere", [] { return with("work_mem", "64", false, 4LL << 30); }, {}}},
};

}  // namespace pgvigil
