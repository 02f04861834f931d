#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "checks/check.h"
#include "checks/plans/sql.h"
#include "checks/probes/connection_limits.h"
#include "checks/slots.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Ratio> warn{"warn", 0.8, "share of the slots in use from which it warns", 0.9};
constexpr Setting<Ratio> crit{"crit", 0.95, "share of the slots in use from which it is critical"};
constexpr Setting<Ratio> leak{"leak", 0.6, "share of idle sessions from which the holders themselves are the cause"};

constexpr Setting<Seconds> window{"window", 15 * 60, "an idle crowd is critical when it has grown within this time"};

bool is_idle(const ConnectionGroup& g) { return g.state.starts_with("idle"); }

// Sessions of one application of one user from one client.
struct Holder {
  std::string user, application, client;
  double all = 0, idle = 0, in_transaction = 0;
};

std::vector<Holder> holders(std::span<const ConnectionGroup> groups) {
  std::map<std::tuple<std::string, std::string, std::string>, Holder> by;
  for (const ConnectionGroup& g : groups) {
    Holder& h =
        by.try_emplace({g.user, g.application, g.client}, Holder{g.user, g.application, g.client}).first->second;
    const double n = static_cast<double>(g.count);
    h.all += n;
    if (is_idle(g)) h.idle += n;
    if (g.state.starts_with("idle in transaction")) h.in_transaction += n;
  }
  std::vector<Holder> out;
  for (auto& [key, h] : by) out.push_back(std::move(h));
  std::stable_sort(out.begin(), out.end(), [](const Holder& a, const Holder& b) { return a.all > b.all; });
  return out;
}

std::string in_words(const Holder& h) {
  return fmt::format("{} as {} from {}: {}, of which {} idle{}",
                     h.application.empty() ? "an unnamed application" : words::one_line(h.application, 63),
                     words::one_line(h.user, 63),
                     h.client.empty() ? "an unknown client" : words::one_line(h.client, 63), words::count(h.all),
                     words::count(h.idle),
                     h.in_transaction > 0 ? fmt::format(" ({} in a transaction)", words::count(h.in_transaction)) : "");
}

// The probe folds the smallest groups into one, whose name is none of theirs.
bool folded(const Holder& h) { return h.application == "other" && h.client.empty(); }

// Ends those that have been idle longest, as many as bring the use down to half: whoever leaks loses its oldest
// sessions, a pool opens new ones.
Remedy end_idle(const Holder& h, double used, double slots) {
  const double many = std::min(h.idle, std::ceil(used - slots / 2));
  Step s{.title = fmt::format("end the {} of {} that are idle longest", words::counted(many, "session"),
                              words::one_line(h.user, 63)),
         .database = "postgres",
         .run_as = "superuser",
         .sql = {}};
  s.sql = fmt::format(
      "SELECT pg_terminate_backend(pid)\n  FROM (SELECT pid FROM pg_stat_activity\n         WHERE backend_type = "
      "'client backend' AND "
      "state LIKE 'idle%'\n           AND usename = {}{}\n         ORDER BY state_change LIMIT {:.0f}) AS leaked;",
      words::literal(h.user), folded(h) ? "" : " AND application_name = " + words::literal(h.application), many);
  s.relief = fmt::format("frees {}", words::counted(many, "connection"));
  s.duration = "at once";
  s.lock = "none";
  s.caution = "open transactions among them are rolled back; the application must be able to reconnect";
  return {Remedy::Kind::first_aid, "end idle sessions of the largest holder", {std::move(s)}};
}

struct Pool {
  Object object;
  std::string whose;  // " allowed to role app"; "" for the server's own slots
  double used = 0, limit = 0;
  std::vector<ConnectionGroup> groups;
};

Finding describe(const Pool& p, Severity severity, bool idle) {
  const auto all = holders(p.groups);
  Finding f;
  const bool leaks = idle && severity != Severity::info;
  f.role = leaks ? Role::cause : Role::symptom;
  f.severity = severity;
  f.act_by = severity == Severity::critical ? ActBy::now : severity == Severity::warning ? ActBy::today : ActBy::later;
  f.object = p.object;
  f.sentence = fmt::format("{} of {} connections{} are in use ({}){}", words::count(p.used), words::count(p.limit),
                           p.whose, words::share(p.used / p.limit), idle ? ", most of them idle" : "");
  f.evidence.push_back({"in use", fmt::format("{} of {}", words::count(p.used), words::count(p.limit))});
  std::map<std::string, double> states;
  for (const ConnectionGroup& g : p.groups)
    states[g.state.empty() ? "hidden" : g.state] += static_cast<double>(g.count);
  std::vector<std::string> by_state;
  for (const auto& [state, n] : states)
    by_state.push_back(fmt::format("{} {}", words::count(n), words::one_line(state, 40)));
  if (!by_state.empty()) f.evidence.push_back({"states", words::list(by_state, 6)});
  for (std::size_t i = 0; i < all.size() && i < 3; ++i) f.evidence.push_back({"held by", in_words(all[i])});
  f.confidence = Confidence::high;
  f.basis = "counted by the server";
  if (leaks && !all.empty() && all.front().idle > 0) {
    f.basis += "; idle sessions do no work, so nothing else explains them";
    f.remedies.push_back(end_idle(all.front(), p.used, p.limit));
    f.remedies.push_back(
        {Remedy::Kind::cure, fmt::format("make the application close what it opens: {}", in_words(all.front())), {}});
  }
  return f;
}

double idle_share(std::span<const ConnectionGroup> groups) {
  double all = 0, idle = 0;
  for (const ConnectionGroup& g : groups) {
    all += static_cast<double>(g.count);
    if (is_idle(g)) idle += static_cast<double>(g.count);
  }
  return all > 0 ? idle / all : 0;
}

// An idle pool whose role has a limit below the server's cannot grow into the rest: full, but no danger.
bool bounded(const Input& in, const std::string& user, double slots) {
  for (const ConnectionLimit& l : in.now(connection_limits))
    if (l.kind == "role" && l.name == user && l.limit > 0 && static_cast<double>(l.limit) < slots) return true;
  return false;
}

// A pool that stands still below its limit may do so for years. What leaks rises, or is about to meet the end.
bool worsening(const Input& in, double used, double slots) {
  if (used >= slots) return true;
  if (in.context().one_shot && (used >= 0.98 * slots || slots - used <= 2)) return true;
  double least = used;
  for (const auto& then : in.series(connections, in[window])) least = std::min(least, connections_used(then.rows));
  return used - least >= 0.05 * slots;
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  const auto groups = in.now(connections);
  std::string own_role;
  for (const Server& s : in.now(server)) {
    own_role = s.role;
    Pool p{{"server", in.context().target},
           "",
           connections_used(groups),
           connection_slots(s),
           {groups.begin(), groups.end()}};
    if (p.limit <= 0 || p.used < in[warn] * p.limit) continue;
    const bool idle = idle_share(groups) >= in[leak];
    const bool nearly_full = p.used >= in[crit] * p.limit;
    Severity severity =
        nearly_full && (!idle || worsening(in, p.used, p.limit)) ? Severity::critical : Severity::warning;
    if (idle && !nearly_full && !groups.empty() && bounded(in, holders(groups).front().user, p.limit))
      severity = Severity::info;
    found.push_back(describe(p, severity, idle));
  }
  // A role's or database's own limit is a fence somebody put up: a pool may rest just below it. It matters where the
  // sessions behind it are busy, or where the next one is refused.
  for (const ConnectionLimit& l : in.now(connection_limits)) {
    if (l.limit <= 0 || (l.kind == "role" && l.name == own_role)) continue;
    Pool p{{l.kind, sql::quote_identifier(l.name)},
           fmt::format(" allowed to {} {}", l.kind, words::one_line(l.name, 63)),
           static_cast<double>(l.used),
           static_cast<double>(l.limit),
           {}};
    for (const ConnectionGroup& g : groups)
      if ((l.kind == "role" ? g.user : g.database) == l.name) p.groups.push_back(g);
    const bool refusing = l.used >= l.limit, idle = idle_share(p.groups) >= in[leak];
    if (p.used < in[warn] * p.limit || (idle && !refusing)) continue;
    const bool critical = p.used >= in[crit] * p.limit && !idle;
    found.push_back(describe(p, critical ? Severity::critical : Severity::warning, idle));
  }
  return found;
}

std::string fine(const Input& in) {
  for (const Server& s : in.now(server))
    return fmt::format("{} of {} connections in use", words::count(connections_used(in.now(connections))),
                       words::count(connection_slots(s)));
  return {};
}

Scenario pool(std::int64_t active, std::int64_t idle, std::vector<ConnectionLimit> limits = {},
              std::int64_t before = 0) {
  Server s;
  s.max_connections = 100;
  s.superuser_reserved_connections = 3;
  s.role = "pgvigil";
  ConnectionGroup g;
  g.database = "shop";
  g.user = "app";
  g.application = "web";
  g.client = "10.0.0.7";
  std::vector<ConnectionGroup> groups;
  for (const auto& [state, n] : {std::pair<const char*, std::int64_t>{"active", active}, {"idle", idle}}) {
    g.state = state;
    g.count = n;
    groups.push_back(g);
  }
  Scenario out;
  g.count = before;
  if (before > 0) out.saw(600, connections, {g});
  out.saw(1, server, {s}).saw(1, connections, groups).saw(1, connection_limits, std::move(limits));
  return out;
}

}  // namespace

extern const Check connections_saturated;
const Check connections_saturated{
    .id = "connections_saturated",
    .title = "Connections nearly used up",
    .why = "When the last slot is taken every new connection is refused, also that of the person who comes to help.",
    .role = Role::symptom,
    .reads = {server, connections},
    .may_read = {connection_limits},
    .settings = {warn, crit, leak, window},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"82 % in use, nearly all working", [] { return pool(75, 5); }, {Severity::warning}},
                 {"a leak: 97 % in use, nearly all idle, and ten minutes ago it was half",
                  [] { return pool(2, 92, {}, 48); },
                  {Severity::critical}},
                 {"an idle pool that has stood at 97 % all the time",
                  [] { return pool(2, 92, {}, 94); },
                  {Severity::warning}},
                 {"the last slot is taken, nearly all idle", [] { return pool(2, 95); }, {Severity::critical}},
                 {"one-shot: two slots are left, nearly all idle",
                  [] {
                    Scenario s = pool(2, 93);
                    s.context.one_shot = true;
                    return s;
                  },
                  {Severity::critical}},
                 {"a role at its limit, all working",
                  [] {
                    return pool(40, 0, {{"role", "app", 40, 40}});
                  },
                  {Severity::critical}},
                 {"a role at its limit, all idle: the next is refused",
                  [] {
                    return pool(0, 40, {{"role", "app", 40, 40}});
                  },
                  {Severity::warning}},
                 {"a database near its limit, half of it working",
                  [] {
                    return pool(17, 17, {{"database", "shop", 40, 34}});
                  },
                  {Severity::warning}},
                 {"an idle pool at 95 % of its role's limit",
                  [] {
                    return pool(0, 38, {{"role", "app", 40, 38}});
                  },
                  {}},
                 {"a large idle pool that its role's limit keeps from the rest",
                  [] {
                    return pool(1, 84, {{"role", "app", 90, 85}});
                  },
                  {Severity::info}},
                 {"an ordinary day", [] { return pool(4, 8); }, {}}},
};

}  // namespace pgvigil
