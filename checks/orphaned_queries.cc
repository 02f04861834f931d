#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "checks/check.h"
#include "checks/load.h"
#include "checks/probes/client_sockets.h"
#include "checks/probes/server.h"
#include "checks/probes/timeouts.h"
#include "checks/server_setting.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

// The server only notices that its client has hung up when it reads or writes; a query that computes does neither. The
// kernel knows: the connection's far end is closed while the statement goes on.
constexpr Setting<Count> warn{"warn", 3, "statements that run on without their client, from which it warns"};
constexpr Setting<Ratio> share{"share", 0.15, "share of all load that they must be"};
constexpr Setting<Ratio> crit_share{"crit_share", 0.5,
                                    "share of all load from which it is critical, above `crit_cores`"};
constexpr Setting<Ratio> crit_cores{"crit_cores", 1, "orphans for each vCPU from which it is critical"};
constexpr Setting<Seconds> window{"window", 30, "the connections were looked at within this time"};

// Orphans of the last look that a later sample still finds at the same execution: a statement that has just ended also
// leaves a closed connection behind.
std::vector<Session> orphans(const Input& in) {
  std::vector<Session> found;
  const auto samples = in.series(activity, in[window]);
  if (samples.empty()) return found;
  for (const Session& s : samples.back().rows) {
    if (!is_active(s) || s.leader_pid) continue;
    for (const auto& look : in.series(client_sockets, in[window])) {
      if (look.at >= samples.back().at) continue;
      if (std::any_of(look.rows.begin(), look.rows.end(), [&](const ClientSocket& c) {
            return c.pid == s.pid && std::abs(c.query_start - s.query_start) < 0.001 && c.state != "open";
          })) {
        found.push_back(s);
        break;
      }
    }
  }
  return found;
}

std::vector<Remedy> remedies(const Input& in, const std::vector<Session>& all) {
  std::vector<Remedy> out;
  std::string pids;
  double youngest = all.front().query_age.value_or(0);
  for (const Session& s : all) {
    pids += (pids.empty() ? "" : ", ") + std::to_string(s.pid);
    youngest = std::min(youngest, s.query_age.value_or(0));
  }
  Step cancel{
      .title = fmt::format("cancel the {} that nobody waits for",
                           words::counted(static_cast<double>(all.size()), "statement")),
      .database = "postgres",
      .run_as = "superuser",
      .sql = fmt::format("SELECT pg_catalog.pg_cancel_backend(pid) FROM pg_catalog.pg_stat_activity\n WHERE pid "
                         "IN ({})\n   AND state = 'active' AND query_start < pg_catalog.now() - interval '{:.0f} "
                         "seconds';",
                         pids, std::floor(youngest))};
  cancel.relief = fmt::format("{} less", words::counted(static_cast<double>(all.size()), "active session"));
  cancel.duration = "at once";
  cancel.lock = "none";
  cancel.caution = "their clients have hung up; what a writing statement has done so far is rolled back";
  cancel.load_relieved = static_cast<double>(all.size());
  out.push_back({Remedy::Kind::first_aid, "end what nobody waits for", {std::move(cancel)}});

  const auto servers = in.now(server);
  if (!servers.empty() && servers.front().version_num < 140000) {
    out.push_back({Remedy::Kind::cure,
                   "give the role a statement_timeout a little above the client's own limit; from version 14 on "
                   "client_connection_check_interval ends such statements",
                   {}});
    return out;
  }
  double before = 0;
  for (const Timeout& t : in.now(timeouts))
    if (t.setting == "client_connection_check_interval" && t.layer == "server") before = t.seconds;
  if (before > 0 && before <= 10) return out;
  Step check = set_server_setting("client_connection_check_interval", "10s", fmt::format("{:.0f}ms", before * 1000));
  check.relief = "a statement ends within ten seconds after its client has hung up";
  check.caution = "the server needs an operating system that tells it: Linux, macOS, illumos or BSD";
  out.push_back({Remedy::Kind::cure, "let the server look whether the client is still there", {std::move(check)}});
  return out;
}

std::vector<Finding> evaluate(const Input& in) {
  const std::vector<Session> all = orphans(in);
  const double n = static_cast<double>(all.size());
  const Load l = load(in, in[window]);
  const double part = l.clients > 0 ? std::min(1.0, n / l.clients) : 0;
  if (n == 0 || n < in[warn] || part < in[share]) return {};
  const auto cores = vcpus(in);
  const bool critical = part >= in[crit_share] && n >= std::max(in[warn], in[crit_cores] * cores.value_or(4));

  std::map<std::string, std::vector<const Session*>> by_query;
  for (const Session& s : all) by_query[s.query_id.empty() ? s.query : s.query_id].push_back(&s);
  const auto most = std::max_element(by_query.begin(), by_query.end(),
                                     [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
  const Session& example = *most->second.front();
  double oldest = 0;
  for (const Session& s : all) oldest = std::max(oldest, s.query_age.value_or(0));

  Finding f;
  f.severity = critical ? Severity::critical : Severity::warning;
  f.act_by = critical ? ActBy::now : ActBy::today;
  f.object = {"query", example.query_id.empty() ? "of " + words::one_line(example.user, 63) : example.query_id,
              example.database};
  f.sentence =
      fmt::format("{} of {} go on although {} client has hung up: nobody reads the answer",
                  words::counted(n, "statement"), words::one_line(example.user, 63), n < 1.5 ? "its" : "their");
  f.evidence = {{"without a client", fmt::format("{} of {} running", words::count(n), words::number(l.clients))},
                {"oldest", words::duration(oldest)},
                {"query", fmt::format("{} times: {}", most->second.size(), words::one_line(example.query))},
                {"client", fmt::format("{} from {}",
                                       example.application.empty() ? "an unnamed application"
                                                                   : words::one_line(example.application, 63),
                                       words::one_line(example.client, 63))}};
  f.remedies = remedies(in, all);
  f.fix = "client_connection_check_interval";
  f.load = n;
  for (const auto& [query, sessions] : by_query) f.queries.push_back(query);
  for (const Session& s : all) f.sessions.push_back(s.pid);
  f.confidence = Confidence::high;
  f.basis = "the kernel's table of connections: the far end is closed, and the statement was seen running after that";
  return {std::move(f)};
}

std::string fine(const Input& in) {
  std::size_t looked = 0;
  for (const auto& look : in.series(client_sockets, in[window])) looked = std::max(looked, look.rows.size());
  return looked == 0 ? "no crowd of statements runs for long"
                     : fmt::format("the clients of {} that run for long are there",
                                   words::counted(static_cast<double>(looked), "statement"));
}

// `closed` of `all` statements have lost their client; a sample follows unless they have `ended`.
Scenario running(int all, int closed, bool ended = false, double vcpu = 2) {
  Scenario out;
  out.context.vcpus = vcpu;
  std::vector<Session> sessions;
  std::vector<ClientSocket> sockets;
  for (int i = 0; i < all; ++i) {
    Session s;
    s.pid = 100 + i;
    s.user = "app";
    s.application = "web";
    s.database = "shop";
    s.client = "10.0.0.7";
    s.client_port = 40'000 + i;
    s.backend_type = "client backend";
    s.state = "active";
    s.query_id = "42";
    s.query = "SELECT data FROM docs WHERE id = $1";
    s.query_age = 40;
    s.query_start = 1'000;
    sessions.push_back(s);
    sockets.push_back({s.pid, s.query_start, i < closed ? "closed" : "open"});
  }
  out.saw(3, activity, sessions).saw(2, client_sockets, sockets);
  if (ended) sessions.erase(sessions.begin(), sessions.begin() + closed);
  return out.saw(1, activity, sessions);
}

}  // namespace

extern const Check orphaned_queries;
const Check orphaned_queries{
    .id = "orphaned_queries",
    .title = "Statements whose client has hung up",
    .why = "A client that gave up asks again, and the server works for both; the answers are thrown away.",
    .role = Role::cause,
    .explains = {"cpu_saturated", "load_above_cores", "connections_rising", "connections_saturated", "pool_pinned",
                 "sessions_abandoned", "work_without_results"},
    .reads = {activity, client_sockets},
    .may_read = {server, timeouts},
    .settings = {warn, share, crit_share, crit_cores, window},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"twenty of thirty run on for nobody", [] { return running(30, 20); }, {Severity::critical}},
                 {"eight of thirty", [] { return running(30, 8); }, {Severity::warning}},
                 {"four, all there is, on eight vCPUs", [] { return running(4, 4, false, 8); }, {Severity::warning}},
                 {"they had just ended", [] { return running(30, 20, true); }, {}},
                 {"all clients are there", [] { return running(30, 0); }, {}},
                 {"three of a hundred", [] { return running(100, 3); }, {}}},
};

}  // namespace pgvigil
