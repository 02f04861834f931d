#include "agent/core/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "checks/mend.h"
#include "checks/plans/sql.h"
#include "checks/probes/connections.h"
#include "checks/probes/cpu.h"
#include "checks/probes/databases.h"
#include "checks/probes/server.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

// Who is hurt: transactions that end in an error, by database.
std::vector<std::string> harm(const Input& in, double seconds) {
  constexpr double least_share_lost = 0.02, least_rate = 0.1;
  std::vector<std::string> out;
  for (const Database& d : in.now(databases)) {
    const auto lost = in.rate(databases, d, &Database::rollbacks, seconds);
    const auto done = in.rate(databases, d, &Database::commits, seconds);
    if (!lost || !done || *lost < least_rate || *lost < least_share_lost * (*lost + *done)) continue;
    out.push_back(fmt::format("{} of the transactions in {} roll back ({})", words::share(*lost / (*lost + *done)),
                              words::one_line(d.name, 63), words::rate(*lost, "")));
  }
  return out;
}

bool writes(const std::string& text) {
  switch (sql::kind(text)) {
    case sql::Kind::insert:
    case sql::Kind::update:
    case sql::Kind::remove:
    case sql::Kind::merge:
      return true;
    case sql::Kind::utility:
      return text.starts_with("COPY") || text.starts_with("copy");
    default:
      return false;
  }
}

}  // namespace

void place_blind_spots(const Input& in, Report& report) {
  for (const AnyProbe* probe : all_probes()) {
    const Answer* last = in.history().latest(*probe);
    if (last == nullptr) continue;
    for (const Failure& f : last->failures) {
      const std::string title(probe->about().title);
      BlindSpot spot{f.database.empty() ? title : title + " in " + f.database, f.message, mend_for(in, f.mend), {}};
      for (const Result& r : report.results)
        for (const ProbeRef& ref : r.check->reads)
          if (ref.probe == probe && r.unknown) spot.checks.emplace_back(r.check->id);
      const auto same = [&](const BlindSpot& b) { return b.what == spot.what && b.why == spot.why; };
      if (std::none_of(report.blind_spots.begin(), report.blind_spots.end(), same))
        report.blind_spots.push_back(std::move(spot));
    }
  }
  // What the server hides without an error.
  for (const Server& s : in.now(server)) {
    if (!s.can_read_stats)
      report.blind_spots.push_back({"What the sessions of other roles do",
                                    "the role is not in pg_monitor",
                                    mend_for(in, "GRANT pg_monitor TO pgvigil;"),
                                    {}});
    if (!s.can_read_data && s.version_num >= 140000)
      report.blind_spots.push_back({"Plans of queries on tables that the role cannot read",
                                    "EXPLAIN is refused there",
                                    mend_for(in, "GRANT pg_read_all_data TO pgvigil;"),
                                    {}});
  }
}

std::vector<std::string> suspects(const Load& seen, const LoadLine& line) {
  constexpr double worth_saying = 0.2;  // of the load
  std::vector<std::string> out;
  for (const QueryLoad& q : seen.queries)
    if (q.share >= worth_saying && out.size() < 2) out.push_back(in_words(q));
  for (const TableLoad& t : line.tables)
    if (t.sessions >= worth_saying * seen.active && t.sessions >= 1 && out.size() < 4)
      out.push_back(fmt::format("{} of {} active sessions work on {}", words::number(t.sessions),
                                words::number(seen.active), t.name));
  if (line.other >= worth_saying * seen.active && !line.top_wait.empty())
    out.push_back(
        fmt::format("{} of {} wait for {}", words::number(line.other), words::number(seen.active), line.top_wait));
  return out;
}

void clear_the_writers(const Load& seen, Report& report) {
  constexpr double little = 0.15;
  double share = 0;
  std::size_t kinds = 0;
  for (const QueryLoad& q : seen.queries)
    if (writes(q.query)) {
      share += q.share;
      ++kinds;
    }
  if (kinds > 0 && share < little && !report.incidents.empty())
    report.ruled_out.push_back(
        {"", "Writers", fmt::format("statements that write carry {} of the load", words::share(share))});
}

void describe_server(const Input& in, const Load& seen, double seconds, Report& report) {
  report.load = {seen.active, seen.by[0], seen.by[1],   seen.by[2],   seen.by[3],
                 seen.by[4],  vcpus(in),  seen.seconds, seen.samples, {}};
  std::map<std::string, int> waits;
  for (const auto& sample : in.series(activity, seconds))
    for (const Session& s : sample.rows)
      if (is_active(s) && spends(s) == Spends::other) ++waits[s.wait_event_type + ":" + s.wait_event];
  int most = 0;
  for (const auto& [wait, n] : waits)
    if (n > most) {
      most = n;
      report.load.top_wait = wait;
    }
  report.load.tables = load_by_table(in, seconds);
  report.load.tables.resize(std::min<std::size_t>(report.load.tables.size(), 5));
  constexpr std::size_t most_queries = 20;
  for (const QueryLoad& q : seen.queries)
    if (!q.query_id.empty() && report.load.queries.size() < most_queries)
      report.load.queries.push_back({q.database, q.query_id, q.sessions});
  report.harm = harm(in, seconds);
  const auto servers = in.now(server);
  if (!servers.empty()) {
    const Server& s = servers.front();
    report.version = s.version;
    report.in_recovery = s.in_recovery;
    report.connections_max =
        static_cast<double>(s.max_connections - s.superuser_reserved_connections - s.reserved_connections);
  }
  if (in.seen(connections) != nullptr) {
    double used = 0;
    for (const ConnectionGroup& g : in.now(connections)) used += static_cast<double>(g.count);
    report.connections_used = used;
  }
  // The nearest view of the server's CPU that can be seen: its own processes, its cgroup, the host.
  for (const std::string_view source : {"processes", "cgroup", "host"})
    for (const Cpu& c : in.now(cpu))
      if (c.source == source && report.cpu_source.empty())
        if (const auto used = in.rate(cpu, c, &Cpu::used_seconds, seconds); used && c.cores > 0) {
          report.cpu_busy = std::min(1.0, *used / c.cores);
          report.cpu_source = c.source;
        }
}

}  // namespace pgvigil
