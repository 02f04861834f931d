#include "checks/held_back.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "checks/blocking.h"
#include "checks/plans/sql.h"
#include "checks/probes/server.h"
#include "checks/probes/statements.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr double window = 30;
constexpr double many_blocks = 50;  // for a look at a small table: it wades through what is dead

bool names(const std::string& written, const DeadTuples& t) {
  return written == t.name || written == sql::quote_identifier(t.relation);
}

// Of a text that does not tell its tables (cut off, or writing in WITH): whether the name stands in it as a word.
bool mentions(const std::string& query, const std::string& relation) {
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (std::size_t at = query.find(relation); at != std::string::npos; at = query.find(relation, at + 1)) {
    const std::size_t end = at + relation.size();
    if ((at == 0 || !is_word(query[at - 1])) && (end == query.size() || !is_word(query[end]))) return true;
  }
  return false;
}

bool works_on(const std::string& query, const DeadTuples& t) {
  const auto tables = tables_in(query);
  if (tables.empty()) return mentions(query, t.relation);
  return std::any_of(tables.begin(), tables.end(), [&](const auto& name) { return names(name, t); });
}

bool still_fills(const Input& in, const DeadTuples& t) {
  if (in.context().one_shot) return true;  // too short a look: the load that works on it says so
  const auto rate = in.rate(dead_tuples, t, &DeadTuples::changed, 120);
  return !rate || *rate > 0;
}

}  // namespace

OnTable load_on(const Input& in, const Load& all, const DeadTuples& table) {
  OnTable on;
  double calls = 0, blocks = 0;
  for (const QueryLoad& q : all.queries) {
    if (q.database != table.database || q.share < 0.02) continue;
    if (!works_on(q.query, table)) continue;
    on.load += q.sessions;
    on.share += q.share;
    on.executions += static_cast<double>(q.executions);
    on.queries.push_back(q.query_id);
    for (const Statement& s : in.now(statements))
      if (s.query_id == q.query_id && s.database == q.database) {
        calls += in.rate(statements, s, &Statement::calls).value_or(0);
        blocks += in.rate(statements, s, &Statement::shared_blocks_hit).value_or(0) +
                  in.rate(statements, s, &Statement::shared_blocks_read).value_or(0);
      }
  }
  if (calls > 0) on.blocks = blocks / calls;
  return on;
}

std::optional<HeldBack> held_back_now(const Input& in) {
  const auto servers = in.now(server);
  if (!servers.empty() && servers.front().in_recovery) return std::nullopt;
  std::optional<HeldBack> worst;
  const Load all = load(in, window);
  if (all.active <= 0 || all.by[static_cast<std::size_t>(Spends::lock)] > all.active / 2) return std::nullopt;
  for (const DeadTuples& t : in.now(dead_tuples)) {
    const auto dead = static_cast<double>(t.dead);
    if (dead < in[held_back::least_dead] || dead < 2 * t.threshold || t.dead < 2 * t.live || !still_fills(in, t))
      continue;
    const XminHolder* holder = nullptr;  // of other databases only what holds the whole server back: standbys, slots
    for (const XminHolder& h : in.now(xmin_holders)) {
      const bool here = h.kind == "slot" || h.kind == "standby" || h.database == t.database;
      if (!here || h.catalog_only || (h.seconds && *h.seconds < in[held_back::open_for]) || h.xids < 1000) continue;
      if (holder == nullptr || h.xids > holder->xids) holder = &h;
    }
    if (holder == nullptr) continue;
    const OnTable on = load_on(in, all, t);
    if (on.share < in[held_back::load_share] || on.executions < 5 || (on.blocks > 0 && on.blocks < many_blocks))
      continue;
    if (worst && on.load <= worst->load) continue;
    HeldBack h{.holder = holder, .table = &t, .load = on.load, .share = on.share, .blocks = on.blocks};
    h.proven = t.vacuumed && holder->seconds && *t.vacuumed < *holder->seconds;
    h.queries = on.queries;
    h.severity = heavy(in, {}, on.load, on.share, on.executions) && on.blocks >= many_blocks ? Severity::critical
                                                                                             : Severity::warning;
    worst = h;
  }
  return worst;
}

std::string holder_in_words(const XminHolder& h) {
  const std::string name = words::one_line(h.name, 100);
  if (h.kind == "prepared") return fmt::format("the prepared transaction {}", words::literal(name));
  if (h.kind == "slot") return fmt::format("the replication slot {} ({})", name, words::one_line(h.state, 20));
  if (h.kind == "standby") return fmt::format("a query on the standby {} (hot_standby_feedback)", name);
  return fmt::format("pid {} ({}, role {}), {}", name,
                     h.application.empty() ? "no application name" : words::one_line(h.application, 63),
                     words::one_line(h.user, 63), h.state.empty() ? "state hidden" : words::one_line(h.state, 40));
}

void tell_held_back(const Input& in, const HeldBack& h, Finding& f) {
  f.severity = std::max(f.severity, h.severity);
  f.act_by = std::min(f.act_by, h.severity == Severity::critical ? ActBy::now : ActBy::today);
  f.load = std::max(f.load, h.load);
  f.tables.push_back(h.table->name);
  f.queries.insert(f.queries.end(), h.queries.begin(), h.queries.end());
  if (h.holder->pid != 0 && std::find(f.sessions.begin(), f.sessions.end(), h.holder->pid) == f.sessions.end())
    f.sessions.push_back(h.holder->pid);
  if (!in.context().one_shot && h.holder->seconds && !f.since) f.since = after(in.at(), -*h.holder->seconds);
  f.evidence.push_back(
      {"dead rows", fmt::format("{} in {}, beside {} live ones; autovacuum comes from {} on",
                                words::count(static_cast<double>(h.table->dead)), h.table->name,
                                words::count(static_cast<double>(h.table->live)), words::count(h.table->threshold))});
  f.evidence.push_back({"load on that table", fmt::format("{} on average, {} of all", words::counted(h.load, "session"),
                                                          words::share(std::min(1.0, h.share)))});
  if (h.blocks > 0) f.evidence.push_back({"blocks read for each execution", words::count(h.blocks)});
  f.evidence.push_back(
      {"held back",
       fmt::format("{} since it began{}", words::counted(static_cast<double>(h.holder->xids), "transaction"),
                   h.proven ? "; vacuum has looked since and had to leave the dead rows" : "")});
}

}  // namespace pgvigil
