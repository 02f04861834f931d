// An incident as the engine makes them and what is said about it, for the tests of messages.
#pragma once

#include <string>
#include <utility>

#include "agent/core/message.h"

namespace pgvigil {

inline const Time start = Time{} + std::chrono::hours(24 * 20'000) + std::chrono::minutes(185);
inline const Check no_index{.id = "unindexed_table", .title = "Large table without an index", .why = ""};

inline Step step_of(std::string title, std::string sql) {
  return {.title = std::move(title), .database = "app", .run_as = "app_owner", .sql = std::move(sql)};
}

inline Finding table_finding(const std::string& table, const std::string& columns) {
  Finding f{.severity = Severity::critical,
            .object = {"table", table, "app"},
            .sentence = table + " (266 GB) has no index; every look-up reads all of it",
            .evidence = {{"plan", "Parallel Seq Scan"}, {"rows read", "1.9 million for 1"}},
            .remedies = {},
            .confidence = Confidence::high,
            .basis = "the plan of the running query"};
  f.check = "unindexed_table";
  Step cure = step_of("index " + table, "CREATE INDEX CONCURRENTLY ON " + table + " " + columns + ";");
  cure.caution = "a failed build leaves an invalid index";
  f.remedies.push_back(
      {Remedy::Kind::first_aid, "cancel the readers", {step_of("cancel", "SELECT pg_cancel_backend(1);")}});
  f.remedies.push_back({Remedy::Kind::cure, "build the missing indexes", {cure}});
  f.tables = {table};
  return f;
}

inline Notice the_incident() {
  Notice n{.key = "0123456789abcdef",
           .target = "codeintel",
           .incident = {},
           .started = start,
           .fired = start,
           .at = after(start, 2)};
  n.incident.causes = {table_finding("public.lsif_data_documents", "(dump_id, path)"),
                       table_finding("public.lsif_data_metadata", "(dump_id)")};
  Finding cpu{.role = Role::symptom, .object = {"host", "host"}, .sentence = "CPU is at 96% of 4 cores"};
  cpu.check = "cpu_saturated";
  n.incident.symptoms = {cpu};
  n.incident.severity = Severity::critical;
  n.incident.load = 36.6;
  n.incident.share = 0.88;
  return n;
}

inline Report the_report() {
  Report r;
  r.target = "codeintel";
  r.load = {.active = 41.6, .vcpus = 4.0, .seconds = 10, .samples = 10};
  r.cpu_busy = 0.96;
  r.connections_used = 178;
  r.connections_max = 200;
  r.ruled_out = {{"locks", "Locks", "0 waits above 1 s"}, {"vacuum", "Autovacuum", ""}};
  r.results.push_back({.check = &no_index});
  return r;
}

inline const MessageOptions options{.external_url = "https://pgvigil.example/db",
                                    .diagnose_command = "pgvigil diagnose {target}",
                                    .runbook_url = "https://wiki.example/runbooks"};

// The same incident, over.
inline Notice resolved_incident() {
  Notice n = the_incident();
  n.edge = Notice::Edge::resolved;
  n.at = after(start, 600);
  n.changed = "not seen for 30 s in complete reports";
  n.merged = {"fedcba9876543210"};
  return n;
}

inline Report report_with_leftovers() {
  Report r = the_report();
  Finding invalid{.object = {"index", "public.lsif_data_documents_idx"},
                  .sentence = "lsif_data_documents_idx is invalid"};
  invalid.tables = {"public.lsif_data_documents"};
  r.posture = {invalid};
  return r;
}

inline Message firing_message() { return render(the_incident(), the_report(), options); }
inline Message resolved_message() { return render(resolved_incident(), report_with_leftovers(), options); }

// What no incident makes: every part too long, full of marks, controls and broken UTF-8.
inline Message monster() {
  std::string noise;
  for (int i = 0; i < 200; ++i) noise += "*_`~[x](https://evil.example)<@1>@here|#\x1b\xff\xe4\xb8\xad\"\\{{";
  Message m;
  m.severity = Severity::critical;
  m.title = "[CRITICAL] db: " + noise;
  m.lead_lines.assign(100, "line " + noise);
  m.why = m.not_cause = m.remedy = noise;
  m.objects.assign(100, "public.\"" + noise + "\" (a, b)");
  m.symptoms = m.objects;
  m.undone = m.objects;
  for (int i = 0; i < 60; ++i)
    m.paste.push_back({.title = "step " + noise,
                       .where = noise,
                       .sql = "CREATE INDEX i" + std::to_string(i) + " ON t (" + std::string(2000, 'c') + ");",
                       .note = noise});
  m.more_steps = 40;
  m.command = "pgvigil diagnose " + noise;
  m.links.assign(20, {"Page", "https://pgvigil.example/" + std::string(800, '(')});
  m.footer = "id 0123456789abcdef " + noise;
  return m;
}

}  // namespace pgvigil
