#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "checks/check.h"
#include "checks/load.h"
#include "checks/plans/sql.h"
#include "checks/probes/connection_limits.h"
#include "checks/slots.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Ratio> warn{"warn", 0.8, "share of the slots in use from which it warns", 0.9};
constexpr Setting<Ratio> crit{"crit", 0.95, "share of the slots in use from which it is critical"};
constexpr Setting<Ratio> leak{"leak", 0.6, "share of idle sessions from which the holders themselves are the cause"};

// Share of the slots that one statement takes from which it is named.
constexpr double same = 0.5;
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

// The statement that most of the sessions run which hold the slots.
const QueryLoad* holding(const Load& now, double slots) {
  const QueryLoad* most = nullptr;
  for (const QueryLoad& q : now.queries)
    if (!q.pids.empty() && (most == nullptr || q.pids.size() > most->pids.size())) most = &q;
  return most != nullptr && static_cast<double>(most->pids.size()) >= same * slots ? most : nullptr;
}

// What these sessions do now: "33 wait for Timeout:PgSleep".
std::string doing(const Input& in, const std::vector<std::int64_t>& pids) {
  std::map<std::string, double> by;
  for (const Session& s : in.now(activity)) {
    if (std::find(pids.begin(), pids.end(), s.pid) == pids.end()) continue;
    by[s.wait_event.empty() ? "compute" : fmt::format("wait for {}:{}", s.wait_event_type, s.wait_event)] += 1;
  }
  std::vector<std::pair<double, std::string>> all;
  for (const auto& [what, n] : by) all.emplace_back(-n, what);
  std::sort(all.begin(), all.end());
  std::vector<std::string> told;
  for (const auto& [n, what] : all) told.push_back(fmt::format("{} {}", words::count(-n), words::one_line(what, 63)));
  return words::list(told, 3);
}

// The oldest executions first: as many as leave a quarter of the slots free.
std::optional<Remedy> cancel_oldest(const Input& in, const QueryLoad& q, double used, double slots) {
  std::vector<std::pair<double, std::int64_t>> running;
  for (const Session& s : in.now(activity))
    if (std::find(q.pids.begin(), q.pids.end(), s.pid) != q.pids.end()) running.emplace_back(s.query_start, s.pid);
  if (running.empty()) return std::nullopt;
  std::sort(running.begin(), running.end());
  const double many = std::clamp(std::ceil(used - 0.75 * slots), 1.0, static_cast<double>(running.size()));
  std::vector<std::string> pids;
  for (std::size_t i = 0; i < static_cast<std::size_t>(many); ++i) pids.push_back(std::to_string(running[i].second));
  const double newest = running[pids.size() - 1].first;
  Step s{.title = fmt::format("cancel the {} that run longest", words::counted(many, "execution")),
         .database = q.database.empty() ? "postgres" : q.database,
         .run_as = "superuser",
         .sql = fmt::format("SELECT pg_catalog.pg_cancel_backend(pid) FROM pg_catalog.pg_stat_activity\n WHERE pid = "
                            "ANY (ARRAY[{}]) AND state = 'active'\n   AND query_start < "
                            "pg_catalog.to_timestamp({:.0f});",
                            fmt::join(pids, ", "), std::ceil(newest) + 1)};
  s.duration = "at once";
  s.lock = "none";
  s.caution = "their sessions stay, the application sees errors, and what it asks again takes as long";
  s.load_relieved = many;
  return Remedy{Remedy::Kind::first_aid, "end what holds the slots longest", {std::move(s)}};
}

// So that the next crowd leaves room for others.
Remedy bound(const QueryLoad& q, double slots) {
  const double share = std::max(1.0, std::floor(0.75 * slots));
  const std::string role = sql::quote_identifier(q.user);
  Step s{.title = fmt::format("bound what {} may take", words::one_line(q.user, 63)),
         .database = "postgres",
         .run_as = "superuser",
         .sql = fmt::format("ALTER ROLE {} CONNECTION LIMIT {:.0f};", role, share)};
  s.undo = fmt::format("ALTER ROLE {} CONNECTION LIMIT -1;", role);
  s.duration = "at once, for new sessions";
  s.lock = "none";
  s.caution = "what is over the limit is refused: a pool in front of the server lets it wait instead";
  s.straight_path = false;
  return {Remedy::Kind::cure,
          "find what the statement waits for or works on, give it a time limit, and bound its role",
          {std::move(s)}};
}

// Sessions that work hold the slots: what they all run is what to look at.
void say_busy(const Input& in, Finding& f, double used, double slots, std::string_view user) {
  if (f.severity < Severity::warning) return;
  const Load now = load(in, 10);
  const QueryLoad* q = holding(now, slots);
  if (q == nullptr || (!user.empty() && q->user != user)) return;
  const auto cancel = cancel_oldest(in, *q, used, slots);
  if (!cancel) return;
  f.sentence += fmt::format("; {} run {}", words::count(static_cast<double>(q->pids.size())),
                            words::one_line(q->query.empty() ? q->query_id : q->query, 80));
  f.evidence.push_back({"statement", words::one_line(q->query, 300)});
  f.evidence.push_back(
      {"run by", fmt::format("{} as {} in {}: {}, the longest for {}",
                             q->application.empty() ? "an unnamed application" : words::one_line(q->application, 63),
                             words::one_line(q->user, 63), words::one_line(q->database, 63),
                             words::counted(static_cast<double>(q->pids.size()), "session"),
                             words::duration(q->oldest_seconds))});
  f.evidence.push_back({"they", doing(in, q->pids)});
  f.remedies.push_back(*cancel);
  f.remedies.push_back(bound(*q, slots));
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
    if (!idle) say_busy(in, found.back(), p.used, p.limit, "");
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
    if (!idle) say_busy(in, found.back(), p.used, p.limit, l.kind == "role" ? std::string_view(l.name) : "");
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

// All run the same statement, and it waits for something.
Scenario all_on_one() {
  Scenario out = pool(90, 4);
  std::vector<Session> all;
  for (int i = 0; i < 90; ++i) {
    Session s;
    s.pid = 100 + i, s.database = "shop", s.user = "app", s.application = "web", s.backend_type = "client backend";
    s.state = "active", s.query_id = "7", s.query = "SELECT render($1)", s.query_age = 20, s.query_start = 1.7e9 - i;
    s.wait_event_type = "Extension", s.wait_event = "Extension";
    all.push_back(std::move(s));
  }
  return out.saw(2, activity, all).saw(1, activity, all);
}

}  // namespace

extern const Check connections_saturated;
const Check connections_saturated{
    .id = "connections_saturated",
    .title = "Connections nearly used up",
    .why = "When the last slot is taken every new connection is refused, also that of the person who comes to help.",
    .role = Role::symptom,
    .reads = {server, connections},
    .may_read = {connection_limits, activity},
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
                 {"97 % in use, nearly all by one statement", all_on_one, {Severity::critical}},
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
