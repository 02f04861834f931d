#include <fmt/format.h>

#include <algorithm>

#include "checks/check.h"
#include "checks/plans/sql.h"
#include "checks/probes/server.h"
#include "checks/probes/server_settings.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

// What loses or hides data, and what it costs. synchronous_commit is not here: it loses the last moments, consistently.
struct Danger {
  std::string_view name, value, what;
};
constexpr Danger dangers[] = {
    {"fsync", "off", "a crash of the machine can leave the whole cluster unreadable"},
    {"full_page_writes", "off", "a crash in the middle of a write leaves torn pages that recovery cannot mend"},
    {"zero_damaged_pages", "on", "damaged pages are replaced by empty ones: their rows are lost without an error"},
    {"ignore_system_indexes", "on", "the catalogue is read without its indexes: every look-up is slow"},
    {"ignore_checksum_failure", "on", "pages that are known to be damaged are read as if they were whole"},
    {"ignore_invalid_pages", "on", "recovery goes on past pages that it needs and does not find"},
    {"data_sync_retry", "on", "writes that the system has lost are taken for done"},
    {"allow_system_table_mods", "on", "a mistyped statement can destroy the catalogue"},
    {"session_replication_role", "replica",
     "triggers and foreign keys are not checked: rows that belong to nothing slip in"},
    {"restart_after_crash", "off", "one crashed session stops the whole server for good"},
};

const Danger* danger(const ServerSetting& s) {
  const auto is = [&](const Danger& d) { return d.name == s.name && d.value == s.value; };
  const auto* it = std::find_if(std::begin(dangers), std::end(dangers), is);
  return it == std::end(dangers) ? nullptr : it;
}

std::string back(const ServerSetting& s) {
  if (s.scope == "server")
    return fmt::format("ALTER SYSTEM SET {} = {};\nSELECT pg_catalog.pg_reload_conf();", s.name,
                       words::literal(s.boot));
  if (s.scope == "database")
    return fmt::format("ALTER DATABASE {} RESET {};", sql::quote_identifier(s.database), s.name);
  return fmt::format("ALTER ROLE {}{} RESET {};", s.role.empty() ? "ALL" : sql::quote_identifier(s.role),
                     s.database.empty() ? "" : " IN DATABASE " + sql::quote_identifier(s.database), s.name);
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  std::string database = "postgres";
  for (const Server& s : in.now(server)) database = s.database;
  for (const ServerSetting& s : in.now(server_settings)) {
    const Danger* d = danger(s);
    if (d == nullptr) continue;
    Finding f;
    f.severity = Severity::warning;
    f.act_by = ActBy::this_week;
    f.object = {"setting", s.name + owner_of(s)};
    f.sentence = fmt::format("{}{} is {}: {}", s.name, owner_of(s), s.value, d->what);
    f.evidence = {{"value", s.value}};
    if (!s.file.empty()) f.evidence.push_back({"set in", words::one_line(s.file, 80)});
    f.confidence = Confidence::high;
    f.basis = "the server's own list of settings";
    f.fix = fmt::format("set {} back", s.name);
    Step step{.title = fmt::format("set {}{} back", s.name, owner_of(s)),
              .database = database,
              .run_as = "superuser",
              .sql = {}};
    step.sql = back(s);
    step.lock = "none";
    step.duration = s.needs_restart ? "with the next restart" : "at once";
    if (s.name == "fsync")
      step.caution = "writes become slower, as safe ones are; CHECKPOINT afterwards, and sync the file systems once";
    if (s.name == "session_replication_role")
      step.caution = "rows that were written meanwhile were not checked: look for orphans";
    if (s.name == "zero_damaged_pages" || s.name == "ignore_checksum_failure")
      step.caution = "whoever set it was mending damage: ask first; reads of damaged pages fail again";
    f.remedies = {{Remedy::Kind::cure, "a safe setting", {std::move(step)}}};
    found.push_back(std::move(f));
  }
  return found;
}

std::string fine(const Input& in) {
  return in.seen(server_settings) == nullptr
             ? ""
             : "fsync, full_page_writes and what else keeps data safe are as they should be";
}

Scenario with(std::string name, std::string value, std::string role = {}) {
  ServerSetting s;
  s.scope = role.empty() ? "server" : "role";
  s.role = std::move(role);
  s.name = std::move(name), s.value = std::move(value), s.boot = s.value == "off" ? "on" : "off", s.type = "bool";
  return Scenario().saw(30, server_settings, {s});
}

}  // namespace

extern const Check dangerous_settings;
const Check dangerous_settings{
    .id = "dangerous_settings",
    .title = "A setting endangers the data",
    .why = "Nothing shows until a crash or a damaged page: then what it spared is paid for with data.",
    .role = Role::cause,
    .reads = {server_settings},
    .may_read = {server},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"fsync is off", [] { return with("fsync", "off"); }, {Severity::warning}},
                 {"damaged pages are zeroed", [] { return with("zero_damaged_pages", "on"); }, {Severity::warning}},
                 {"a role that skips triggers and foreign keys",
                  [] { return with("session_replication_role", "replica", "app"); },
                  {Severity::warning}},
                 {"commits that do not wait lose moments, not consistency",
                  [] { return with("synchronous_commit", "off"); },
                  {}},
                 {"ordinary settings", [] { return with("work_mem", "65536"); }, {}}},
};

}  // namespace pgvigil
