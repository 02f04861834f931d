#include "checks/blocking.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "checks/load.h"
#include "checks/plans/calls.h"
#include "checks/plans/reading.h"
#include "checks/plans/sql.h"
#include "checks/plans/sql_commands.h"
#include "checks/relation_names.h"
#include "checks/waits_by_design.h"

namespace pgvigil {
namespace {

constexpr double window = 30;

bool is_blocked(const Session& s) { return !s.blocked_by.empty() && !is_ours(s); }

// Up to one that waits for nobody; a circle ends where it began (the server will break it as a deadlock).
std::vector<std::int64_t> way_to_root(const Session& from, const ByPid& all) {
  std::vector<std::int64_t> way;
  std::set<std::int64_t> seen{from.pid};
  const Session* s = &from;
  while (s != nullptr && is_blocked(*s)) {
    const std::int64_t next = s->blocked_by.front();
    if (!seen.insert(next).second) break;
    way.push_back(next);
    const auto it = all.find(next);
    s = it == all.end() ? nullptr : it->second;
  }
  return way;
}

// All at whose end it waits: several may hold what it wants.
std::set<std::int64_t> roots_of(const Session& from, const ByPid& all) {
  std::set<std::int64_t> roots, seen{from.pid};
  std::vector<const Session*> ahead{&from};
  while (!ahead.empty()) {
    const Session* s = ahead.back();
    ahead.pop_back();
    for (const std::int64_t pid : s->blocked_by) {
      if (!seen.insert(pid).second) continue;
      const auto it = all.find(pid);
      if (it != all.end() && is_blocked(*it->second))
        ahead.push_back(it->second);
      else
        roots.insert(pid);
    }
  }
  return roots;
}

// A sample is not taken at one instant: whoever began after the wait did is none of its roots.
void look_beside(const Input& in, const ByPid& all, BlockingTree& tree) {
  for (const Waiter& w : tree.waiters) {
    if (w.waited < in[blocking::waiting]) continue;
    for (const std::int64_t pid : roots_of(*w.session, all)) {
      const auto it = all.find(pid);
      if (pid == tree.root_pid || it == all.end() || it->second->transaction_age.value_or(0) < w.waited) continue;
      if (std::find(tree.beside.begin(), tree.beside.end(), it->second) == tree.beside.end())
        tree.beside.push_back(it->second);
    }
  }
}

// Of several, the one that does nothing is at fault; those that work will end.
void lead_by_idle(BlockingTree& tree) {
  const auto idle = [](const Session* s) { return s != nullptr && s->state.starts_with("idle in transaction"); };
  const auto it = std::find_if(tree.beside.begin(), tree.beside.end(), idle);
  if (tree.root == nullptr || idle(tree.root) || it == tree.beside.end()) return;
  std::swap(tree.root, *it);
  tree.root_pid = tree.root->pid;
  tree.holds = nullptr;
}

void add_up(const Input& in, std::vector<BlockingTree>& trees) {
  const auto left_open = [](const BlockingTree& t) {
    return t.root != nullptr && t.root->state.starts_with("idle in transaction") && !t.is_handed_on();
  };
  const auto whose = [](const BlockingTree& t) {
    return std::tie(t.root->database, t.root->user, t.root->application);
  };
  for (BlockingTree& t : trees)
    for (const BlockingTree& other : trees)
      if (left_open(t) && left_open(other) && whose(t) == whose(other)) {
        t.together += static_cast<double>(other.waiting_for(in[blocking::waiting]));
        t.together_load += other.load;
      }
}

// A parallel worker waits for its leader's lock: one wait.
bool is_worker(const Session& s) { return s.leader_pid && *s.leader_pid != s.pid; }

// How long a statement has been blocked without a break. One that every sample shows so may have waited since it began.
double unbroken(const std::vector<Snapshot<Session>>& samples, const Session& now, Time at) {
  const double age = now.query_age.value_or(now.state_age.value_or(0));
  Time since = at;
  for (auto sample = samples.rbegin(); sample != samples.rend(); ++sample) {
    const auto then = std::find_if(sample->rows.begin(), sample->rows.end(), [&](const Session& s) {
      return s.pid == now.pid && s.query_start == now.query_start && is_blocked(s);
    });
    if (then == sample->rows.end()) return std::min(age, seconds_between(since, at));
    since = sample->at;
  }
  return age;
}

// For how long the root has not been seen waiting in the transaction it is in.
double unhindered(const std::vector<Snapshot<Session>>& samples, const Session& root, Time at) {
  const double age = root.transaction_age.value_or(root.state_age.value_or(0));
  for (auto sample = samples.rbegin(); sample != samples.rend() && seconds_between(sample->at, at) < age; ++sample)
    for (const Session& s : sample->rows)
      if (s.pid == root.pid && is_blocked(s)) return seconds_between(sample->at, at);
  return age;
}

bool strong(const std::string& mode) {
  return mode == "AccessExclusiveLock" || mode == "ExclusiveLock" || mode == "ShareRowExclusiveLock" ||
         mode == "ShareLock";
}

void note(std::vector<std::string>& all, std::string name) {
  if (!name.empty() && std::find(all.begin(), all.end(), name) == all.end()) all.push_back(std::move(name));
}

// The answer about locks may be some seconds older than the sample: it tells only of waits that are older still.
void look_at_locks(const Input& in, std::vector<BlockingTree>& trees) {
  const Answer* answer = in.seen(lock_waits);
  if (answer == nullptr) return;
  const double ago = std::max(0.0, seconds_between(answer->at, in.at()));
  for (const LockWait& l : in.now(lock_waits))
    for (BlockingTree& t : trees) {
      if (l.granted && l.locktype != "tuple" && l.pid == t.root_pid && t.holds == nullptr) t.holds = &l;
      for (Waiter& w : t.waiters) {
        if (w.session->pid != l.pid || w.waited + 1 < ago || (l.granted && l.locktype != "tuple")) continue;
        if (w.lock == nullptr || w.lock->relation.empty()) {  // which row, where it waits for a transaction
          w.lock = &l;
          w.relation = name_of(in, l);
        }
        if (!l.granted && l.waited) w.waited = std::min(w.waited, *l.waited + ago);
      }
    }
}

// Whoever has just given up comes again: the newest sample need not show anybody.
void add_siege(const Input& in, const std::vector<Snapshot<Session>>& samples, const Session& root,
               std::map<std::int64_t, BlockingTree>& by_root) {
  auto siege = siege_of(samples, root, in.at());
  if (!siege) return;
  BlockingTree& tree = by_root[root.pid];
  if (tree.waiters.empty())
    for (const Session* s : siege->last) {
      const bool first = std::find(s->blocked_by.begin(), s->blocked_by.end(), root.pid) != s->blocked_by.end();
      tree.waiters.push_back({s, first ? root.pid : s->blocked_by.front(), first ? 1 : 2, s->query_age.value_or(0)});
    }
  tree.siege = std::move(siege);
}

}  // namespace

bool BlockingTree::is_handed_on() const {
  constexpr double as_long = 0.8;  // of the longest wait: samples and locks are not seen at one moment
  return root != nullptr && held < as_long * longest;
}

std::size_t BlockingTree::waiting_for(double seconds) const {
  return static_cast<std::size_t>(
      std::count_if(waiters.begin(), waiters.end(), [&](const Waiter& w) { return w.waited >= seconds; }));
}

std::size_t BlockingTree::behind(std::int64_t pid) const {
  return static_cast<std::size_t>(
      std::count_if(waiters.begin(), waiters.end(), [&](const Waiter& w) { return w.behind == pid; }));
}

const Waiter* BlockingTree::change_in_front() const {
  const Waiter* found = nullptr;
  for (const Waiter& w : waiters) {
    const bool is_change = w.lock != nullptr ? w.lock->locktype == "relation" && strong(w.lock->mode)
                                             : w.session->wait_event == "relation" && !w.session->query.empty() &&
                                                   sql::kind(w.session->query) == sql::Kind::utility;
    if (is_change && behind(w.session->pid) > (found == nullptr ? 0 : behind(found->session->pid))) found = &w;
  }
  return found;
}

std::vector<std::string> BlockingTree::tables() const {
  std::vector<std::string> all;
  for (const Waiter& w : waiters) note(all, w.relation);
  for (const Waiter& w : waiters)
    if (all.empty())
      for (std::string& name : tables_in(w.session->query)) note(all, std::move(name));
  return all;
}

namespace {
std::string qualified(const std::string& schema, const std::string& relation) {
  return (schema.empty() ? "" : sql::quote_identifier(schema) + ".") + sql::quote_identifier(relation);
}
}  // namespace

std::vector<std::string> tables_in(std::string_view query) {
  std::vector<std::string> all;
  for (const sql::RelationUse& r : sql::relations(sql::reading_part(query).value_or(std::string(query))))
    note(all, qualified(r.schema, r.relation));
  for (const sql::Relation& r : sql::command_relations(query)) note(all, qualified(r.schema, r.relation));
  if (all.empty())  // an INSERT of values reads nothing
    for (const sql::Written& w : sql::calls(query).writes) note(all, qualified(w.schema, w.relation));
  return all;
}

std::optional<QueueHarm> queue_harm(const Input& in, const BlockingTree& tree, double active) {
  QueueHarm h;
  h.waits = static_cast<double>(tree.waiting_for(in[blocking::waiting]));
  if (tree.siege) h.waits = std::max(h.waits, std::round(tree.siege->waiting));
  // Behind a change that waits on, those who give up come again as well.
  if (tree.longest >= in[blocking::waiting] && !tree.is_handed_on()) h.waits = std::max(h.waits, std::round(tree.load));
  const double lasts = std::max(tree.longest, tree.siege ? tree.siege->lasts : 0);
  if (h.waits < 1 || (h.waits < in[blocking::warn] && lasts < in[blocking::one_waits])) return std::nullopt;
  h.share = active > 0 ? std::min(1.0, tree.load / active) : 0;
  const double together = active > 0 ? std::min(1.0, tree.together_load / active) : 0;
  const bool bad = h.waits >= in[blocking::critical] ||
                   (h.waits >= in[blocking::warn] && h.share >= in[blocking::critical_share]) ||
                   (tree.together >= in[blocking::warn] && together >= in[blocking::critical_share]);
  h.severity = bad ? Severity::critical : Severity::warning;
  h.act_by = bad || h.waits >= in[blocking::warn] ? ActBy::now : ActBy::today;
  return h;
}

std::vector<BlockingTree> blocking_trees(const Input& in) {
  ByPid all;
  for (const Session& s : in.now(activity)) all.emplace(s.pid, &s);
  const auto samples = in.series(activity, window);
  std::map<std::int64_t, BlockingTree> by_root;
  for (const auto& [pid, s] : all) {
    if (!is_blocked(*s) || is_worker(*s) || waits_by_design(*s, all)) continue;
    const auto way = way_to_root(*s, all);
    if (way.empty()) continue;
    by_root[way.back()].waiters.push_back(
        {s, way.front(), static_cast<int>(way.size()), unbroken(samples, *s, in.at())});
  }
  std::map<std::int64_t, double> load;  // by root
  for (const auto& sample : samples) {
    ByPid then;
    for (const Session& s : sample.rows) then.emplace(s.pid, &s);
    for (const auto& [pid, s] : then) {
      if (!is_blocked(*s) || is_worker(*s) || !is_active(*s) || waits_by_design(*s, then)) continue;
      if (const auto way = way_to_root(*s, then); !way.empty())
        load[way.back()] += 1.0 / static_cast<double>(samples.size());
    }
  }
  for (const auto& [pid, sessions] : load)
    if (const auto root = all.find(pid); root != all.end() && !is_blocked(*root->second))
      add_siege(in, samples, *root->second, by_root);
  for (auto& [pid, tree] : by_root) {
    tree.root_pid = pid;
    if (const auto root = all.find(pid); root != all.end()) tree.root = root->second;
    if (const auto it = load.find(pid); it != load.end()) tree.load = it->second;
  }
  std::vector<BlockingTree> trees;
  for (auto& [pid, tree] : by_root) trees.push_back(std::move(tree));
  look_at_locks(in, trees);
  for (BlockingTree& tree : trees) {
    look_beside(in, all, tree);
    lead_by_idle(tree);
    for (const Waiter& w : tree.waiters) tree.longest = std::max(tree.longest, w.waited);
    if (tree.root != nullptr) tree.held = unhindered(samples, *tree.root, in.at());
    std::stable_sort(tree.waiters.begin(), tree.waiters.end(), [](const Waiter& a, const Waiter& b) {
      return std::pair(a.depth, -a.waited) < std::pair(b.depth, -b.waited);
    });
  }
  add_up(in, trees);
  std::stable_sort(trees.begin(), trees.end(),
                   [](const auto& a, const auto& b) { return a.waiters.size() > b.waiters.size(); });
  return trees;
}

}  // namespace pgvigil
