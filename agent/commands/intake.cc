#include "agent/commands/intake.h"

#include <algorithm>

#include "agent/host/cpu.h"
#include "checks/plans/sql.h"
#include "checks/probes/activity.h"
#include "checks/probes/cpu.h"
#include "checks/probes/server.h"
#include "checks/probes/statement_texts.h"

namespace pgvigil {
namespace {

template <class Row, class Change>
void rewrite(Observation& observation, const Probe<Row>& probe, Change change) {
  const auto it = observation.answers.find(probe.id());
  if (it == observation.answers.end() || !it->second.rows) return;
  std::vector<Row> rows = static_cast<const RowsOf<Row>&>(*it->second.rows).rows;
  change(rows);
  it->second.rows = probe.rows(std::move(rows));
}

}  // namespace

void take_texts(Observation& observation, QueryBook& texts) {
  rewrite(observation, activity, [&](std::vector<Session>& rows) { texts.take(rows); });
  // The server normalises these, but not a text whose entry was evicted while it ran.
  rewrite(observation, statement_texts, [](std::vector<StatementText>& rows) {
    for (StatementText& r : rows) r.text = sql::normalise(r.text).text;
  });
}

void give_texts(Wave& wave, QueryBook& texts) {
  for (auto& [probe, requests] : wave)
    if (probe->about().scope == Scope::explain)
      for (Request& r : requests)
        if (auto raw = texts.raw(r.query_id)) r.text = std::move(*raw);
}

bool is_local(const Conninfo& conninfo) {
  const auto places = conninfo.places();
  return !places.empty() && std::all_of(places.begin(), places.end(), [](const Conninfo::Place& p) {
    const std::string& a = p.address.empty() ? p.host : p.address;
    return p.local || a.empty() || a == "localhost" || a == "::1" || a.starts_with("127.");
  });
}

Answer see_cpu(const History& history, Time at, bool local) {
  HostOptions options;
  options.local = local;
  if (const Answer* a = history.latest(server); a != nullptr && a->rows && a->rows->size() > 0)
    options.backend_pid = static_cast<const RowsOf<Server>&>(*a->rows).rows.front().backend_pid;
  Answer answer = read_cpu(options);
  answer.at = at;
  return answer;
}

}  // namespace pgvigil
