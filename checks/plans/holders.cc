#include "checks/plans/holders.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "checks/plans/calls.h"
#include "checks/plans/plan_tree.h"
#include "checks/plans/scans.h"
#include "checks/probes/relation_locks.h"
#include "checks/probes/server_settings.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr double beside = 1.5;  // seconds between a look at the locks and the sample that tells what the sessions run

const Session* of_pid(std::span<const Session> all, std::int64_t pid) {
  const auto it = std::find_if(all.begin(), all.end(), [&](const Session& s) { return s.pid == pid; });
  return it == all.end() ? nullptr : &*it;
}

// How the plan reads the table, where it does so without a sequential scan; of partitions the parent is meant.
std::string read_by(const Catalogue& catalogue, const Plan& plan, const KnownTable& table) {
  std::string how;
  bool sequential = false;
  try {
    each_node(parse_plan(plan.json).root, [&](const PlanNode& n, int) {
      const KnownTable* t = n.relation.empty() ? nullptr : catalogue.find(plan.database, n.schema, n.relation);
      if (t == nullptr || (t != &table && t->table.parent != table.table.name)) return;
      sequential = sequential || n.type == "Seq Scan";
      how = n.index.empty() ? n.title() : n.title() + " using " + n.index;
    });
  } catch (const std::invalid_argument&) {
    return {};
  }
  return sequential ? std::string() : how;
}

void describe(const Input& in, const Catalogue& catalogue, const KnownTable& table, Holding& h) {
  const std::string& database = table.table.database;
  const auto calls = sql::calls(h.query);
  const auto uses = catalogue.relations(database, h.query);
  const bool named = std::any_of(uses.begin(), uses.end(), [&](const sql::RelationUse& u) {
    return catalogue.find(database, u.schema, u.relation) == &table;
  });
  for (const sql::Called& c : calls.functions)
    if (!named) h.functions.push_back((c.schema.empty() ? "" : c.schema + ".") + c.function);
  if (!named || !calls.functions.empty()) return;
  for (const auto& [key, newest] : newest_plans(in))
    if (newest.plan->database == database && newest.plan->query_id == h.query_id && !newest.plan->json.empty())
      h.planned = read_by(catalogue, *newest.plan, table);
}

bool of_the_planner(std::string_view name) {
  return name.starts_with("enable_") || name.ends_with("_cost") || name.starts_with("cpu_") ||
         name == "plan_cache_mode" || name == "search_path" || name == "effective_cache_size" ||
         name.ends_with("collapse_limit");
}

}  // namespace

std::vector<Holding> holders_of(const Input& in, const Catalogue& catalogue, const KnownTable& table, double seconds) {
  std::vector<Holding> all;
  double seen = 0;
  const auto samples = in.series(activity, seconds + beside);
  for (const auto& look : in.series(relation_locks, seconds)) {
    const auto sample = std::min_element(samples.begin(), samples.end(), [&](const auto& a, const auto& b) {
      return std::abs(seconds_between(a.at, look.at)) < std::abs(seconds_between(b.at, look.at));
    });
    if (sample == samples.end() || std::abs(seconds_between(sample->at, look.at)) > beside) continue;
    for (Holding& h : all) h.pids.clear();
    for (const RelationLock& l : look.rows) {
      if (l.database != table.table.database || l.name != table.table.name) continue;
      for (const std::int64_t pid : l.pids) {
        const Session* s = of_pid(sample->rows, pid);
        if (s == nullptr || !is_active(*s)) continue;
        auto h = std::find_if(all.begin(), all.end(), [&](const Holding& one) {
          return one.query_id == s->query_id && one.query == s->query && one.user == s->user;
        });
        if (h == all.end()) h = all.insert(h, {.query_id = s->query_id, .query = s->query, .user = s->user});
        h->opened = h->seen == 0 ? s->backend_age : std::min(h->opened, s->backend_age);
        h->seen += 1, seen += 1;
        h->pids.push_back(pid);
      }
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const Holding& a, const Holding& b) { return a.seen > b.seen; });
  if (all.size() > 3) all.resize(3);
  for (Holding& h : all) {
    h.share = h.seen / seen;
    describe(in, catalogue, table, h);
  }
  return all;
}

std::string outlived_setting(const Input& in, const Holding& h, const std::string& database) {
  const auto looks = in.series(server_settings, in.history().keep_seconds);
  for (std::size_t i = 1; i < looks.size(); ++i)
    for (const ServerSetting& before : looks[i - 1].rows) {
      if (before.scope == "server" || !of_the_planner(before.name)) continue;  // sessions follow the server's own
      if ((!before.role.empty() && before.role != h.user) || (!before.database.empty() && before.database != database))
        continue;
      const auto now = std::find_if(looks[i].rows.begin(), looks[i].rows.end(), [&](const ServerSetting& s) {
        return server_settings.key(s) == server_settings.key(before);
      });
      if (now != looks[i].rows.end() && now->value == before.value) continue;
      if (h.opened < seconds_between(looks[i].at, in.at())) continue;
      return fmt::format("{} = {}{}, {} by {}", before.name, in_words(before), owner_of(before),
                         now == looks[i].rows.end() ? "taken back" : "changed", words::clock(looks[i].at));
    }
  return {};
}

}  // namespace pgvigil
