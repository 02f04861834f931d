// A wave's EXPLAINs in one database, one after the other: what is known to fail is left alone, and a text that costs
// the session does not cost the others theirs.
#include <fmt/format.h>

#include "agent/pg/target_impl.h"
#include "checks/plans/sql.h"
#include "checks/probes/plans.h"

namespace pgvigil {

namespace asio = boost::asio;
using pg::Clock;

namespace {
constexpr int kMostLost = 3;
constexpr Milliseconds kGrace{1000};  // in which a server without CPU to spare may still tell that time ran out
}  // namespace

asio::awaitable<void> Target::Impl::explain_all(const AnyProbe& probe, std::string database,
                                                std::vector<Request> requests, std::optional<Around>& around,
                                                Gathering& found, Clock::time_point deadline) {
  std::vector<Plan> rows;
  double seconds = 0;
  int lost = 0;  // sessions; each takes up to two seconds and a new log-in
  for (const Request& r : requests) {
    const std::string raw = texts_.with_literals(database, r.query_id).value_or(r.text);
    // A text of the configuration may be another one tomorrow; a relation may be found in another schema.
    std::string key = fmt::format("{}/{}/{}/{}/{}/{}", database, r.query_id.empty() ? r.text : r.query_id,
                                  fmt::join(r.parameters, ";"), r.search_path, fmt::join(r.schemas, ","),
                                  fmt::join(r.other_schemas, ","));
    if (r.query_id.starts_with(kConfigured)) {
      key += fmt::format("/{}/{}", r.user, r.text);
      for (const Cell& value : r.values) key += value ? "/'" + *value : "/";
    }
    pg::Explained done;
    if (const pg::Explained* before = memory_.failed(key, Clock::now())) {
      done = *before;
    } else if (lost >= kMostLost || Clock::now() >= deadline) {
      done.sqlstate = "PGV03";
      done.error = lost >= kMostLost ? "not asked: the connection was lost" : "not asked: out of time";
    } else {
      Way way = co_await way_to(database, around);
      if (way.lane == nullptr) {
        found.fail(probe, way.failure);
        break;
      }
      if (way.lane == &first && !none_abandoned()) {  // losing this one too would be a third process
        found.fail(probe,
                   {database, "PGV03", "not explained: an earlier session of ours does not end in the server", {}});
        break;
      }
      pg::ExplainRequest request{raw, r.user, options.explain_timeout, options.lock_timeout, options.allow_superuser};
      if (!r.parameters.empty()) {
        co_await way.lane->learn_extensions();
        const auto hypopg = way.lane->extension_schema("hypopg");
        if (!way.lane->is_open()) {
          done.sqlstate = "PGV03";
          done.error = "not asked: the connection was lost";
        } else if (!hypopg) {  // a function of that name would be somebody else's
          done.sqlstate = "PGV03";
          done.error = "the extension hypopg is not installed in database " + database;
          done.mend = "CREATE EXTENSION hypopg;";
        }
        request.hypothetical = r.parameters;
        request.hypopg_schema = hypopg.value_or("");
      }
      request.search_path = r.search_path;
      request.schemas = r.schemas;
      request.other_schemas = r.other_schemas;
      request.values = r.values;
      const std::string how = fmt::format("{}/{}/{}/{}/{}", database, r.query_id, r.user, r.search_path, raw);
      const auto worked = memory_.worked(how);
      request.repair = worked.repair;
      request.own_settings = worked.own_settings;
      if (request.schemas.empty()) request.schemas = worked.schemas;
      if (done.error.empty()) {
        const auto begun = Clock::now();
        const auto by = begun + in_time(options.explain_timeout + kGrace);
        done = co_await pg::explain(way.lane->session(), std::move(request), by);
        way.lane->note_end();
        if (!way.lane->is_open()) ++lost;
        seconds += std::chrono::duration<double>(Clock::now() - begun).count();
        ++explains;
        if (!done.json.empty() && (done.repair || !done.schemas.empty() || !done.own_settings.empty()))
          memory_.keep(how, {done.repair, done.schemas, done.own_settings});
        if (done.json.empty()) {
          ++explain_failures[done.reason];
          memory_.note(key, done, Clock::now());
        } else {
          memory_.planned(key);
        }
      }
    }
    if (done.sqlstate == "42501" && done.mend.empty()) done.mend = probe.about().on_denied;
    if (done.reason == "parameter_value" && r.query_id.starts_with(kConfigured))
      done.mend =
          fmt::format("give the hot query \"{}\" parameters of the right types", r.query_id.substr(kConfigured.size()));
    if (!done.mend.empty() && !found.has_failed(probe, database, done.sqlstate))
      found.fail(probe, {database, done.sqlstate, done.error, done.mend});
    Plan row;
    row.query_id = r.query_id;
    row.database = database;
    if (r.query_id.starts_with(kConfigured)) row.name = r.query_id.substr(kConfigured.size());
    row.user = r.user;
    row.query = sql::normalise(r.text.empty() ? raw : r.text).text;
    row.json = std::move(done.json);
    row.source = row.json.empty() ? "" : done.literals ? "literals" : "generic";
    row.rewritten = std::move(done.rewritten);
    row.schemas = std::move(done.schemas);
    row.sqlstate = std::move(done.sqlstate);
    row.error = std::move(done.error);
    row.reason = std::move(done.reason);
    rows.push_back(std::move(row));
  }
  if (rows.empty()) co_return;
  pg::Outcome outcome;
  outcome.ok = true;
  outcome.sheet = plans.encode(*plans.rows(std::move(rows)));
  outcome.seconds = seconds;
  found.add(probe, std::move(outcome), database);
}

}  // namespace pgvigil
