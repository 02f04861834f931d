#include "checks/handed_on.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "checks/blocking.h"
#include "checks/load.h"
#include "checks/plans/sql.h"
#include "checks/probes/lock_waits.h"
#include "checks/relation_names.h"
#include "checks/waits_by_design.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

bool covets(const Session& s, Coveted what) {
  if (s.wait_event_type != "Lock" || s.blocked_by.empty() || s.backend_type != "client backend" || is_ours(s))
    return false;
  switch (what) {
    case Coveted::row:
      return s.wait_event == "transactionid" || s.wait_event == "tuple" || s.wait_event == "spectoken";
    case Coveted::table:
      return s.wait_event == "relation";
    case Coveted::advisory:
      return s.wait_event == "advisory";
  }
  return false;
}

// What it wants, by its text: different statements may want the same. Where the text names several tables or none that
// can be read, the statement itself.
class Names {
 public:
  explicit Names(Coveted what) : what_(what) {}

  const std::string& by(const Session& s) {
    const std::string statement = s.database + "\n" + (s.query_id.empty() ? s.query : s.query_id);
    const auto known = known_.find(statement);
    return known != known_.end() ? known->second : known_.emplace(statement, name(s, statement)).first->second;
  }

 private:
  std::string name(const Session& s, const std::string& statement) const {
    if (what_ == Coveted::advisory) return s.database;
    const auto tables = tables_in(s.query);
    return tables.size() == 1 ? s.database + "\n" + tables.front() : statement;
  }

  Coveted what_;
  std::map<std::string, std::string> known_;  // by statement
};

using Holder = std::pair<std::int64_t, double>;  // pid and start of its transaction, in seconds; 0: not seen

struct Tally {
  Contest c;
  Time at{};  // of the newest sample that showed a queue
  std::vector<Holder> holders;
  std::vector<double> ages;
};

// About to wait, or in line behind somebody who has just gone: at full speed many are caught there.
bool joins(const Session& s) {
  return s.backend_type == "client backend" && s.blocked_by.empty() && !is_ours(s) &&
         ((s.wait_event_type == "Lock" && (s.wait_event == "transactionid" || s.wait_event == "tuple")) ||
          (s.wait_event_type == "LWLock" && s.wait_event == "LockManager"));
}

// The one at the head of the queue; 0 where it is a prepared transaction or a circle.
std::int64_t head_of(const Session& waiter, const ByPid& all) {
  std::set<std::int64_t> seen{waiter.pid};
  const Session* s = &waiter;
  while (true) {
    const std::int64_t next = s->blocked_by.front();
    const auto it = all.find(next);
    if (it == all.end()) return next;
    if (!seen.insert(next).second) return 0;
    s = it->second;
    if (s->blocked_by.empty()) return next;
  }
}

// By the server's clock: all ages of a row are taken at one moment of it.
double began(const Session* s) {
  return s != nullptr && s->transaction_age ? s->query_start + s->query_age.value_or(0) - *s->transaction_age : 0;
}

// One session may hold it in many transactions.
bool is_same(const Holder& h, const Holder& other) {
  constexpr double moment = 0.01;  // seconds
  return h.first == other.first && std::abs(h.second - other.second) < moment;
}

void note_holder(Tally& t, std::int64_t pid, const Session* head) {
  const Holder now(pid, began(head));
  if (std::none_of(t.holders.begin(), t.holders.end(), [&](const Holder& h) { return is_same(h, now); }))
    t.holders.push_back(now);
  t.c.line.insert(pid);
  if (head == nullptr) return;
  t.c.head = head;
  if (is_active(*head)) ++t.c.held_during[head->query_id];
}

double median(std::vector<double> all) {
  if (all.empty()) return 0;
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
  std::nth_element(all.begin(), middle, all.end());
  return *middle;
}

void look_at(const Snapshot<Session>& sample, Coveted what, Names& names, std::map<std::string, Tally>& all,
             std::map<std::string, double>& joining) {
  ByPid by_pid;
  for (const Session& s : sample.rows) by_pid.emplace(s.pid, &s);
  std::map<std::int64_t, std::vector<const Session*>> queues;
  for (const Session& s : sample.rows)
    // A node that stands by is behind one leader for long; where the lock moves on, it is at work.
    if (covets(s, what) && (what == Coveted::advisory || !waits_by_design(s, by_pid)))
      queues[head_of(s, by_pid)].push_back(&s);
  std::map<std::string, double> longest;
  for (const auto& [head, waiters] : queues) {
    if (head == 0) continue;
    std::map<std::string, int> wanted;
    for (const Session* s : waiters) ++wanted[names.by(*s)];
    const auto most = std::max_element(wanted.begin(), wanted.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    Tally& t = all[most->first];
    const auto n = static_cast<double>(waiters.size());
    t.c.waiting += n;
    longest[most->first] = std::max(longest[most->first], n);
    if (t.at != sample.at) t.c.line.clear();
    t.at = sample.at;
    const auto it = by_pid.find(head);
    note_holder(t, head, it == by_pid.end() ? nullptr : it->second);
    for (const Session* s : waiters) {
      t.c.line.insert(s->pid);
      if (names.by(*s) != most->first) continue;
      ++t.c.queries[s->query_id];
      t.ages.push_back(s->query_age.value_or(0));
      t.c.example = s;
    }
    t.c.sessions.insert(t.c.line.begin(), t.c.line.end());
  }
  for (const Session& s : sample.rows)
    if (what == Coveted::row && joins(s)) ++joining[names.by(s)];
  for (const auto& [name, n] : longest) all[name].c.one_line += n;
}

// Of a holder that no sample shows (it is idle, and keeps an advisory lock) the queue tells whether it is still there.
std::size_t ended(const Tally& t, const Snapshot<Session>& newest) {
  std::set<std::int64_t> heads;
  for (const Session& s : newest.rows) heads.insert(s.blocked_by.begin(), s.blocked_by.end());
  return static_cast<std::size_t>(std::count_if(t.holders.begin(), t.holders.end(), [&](const Holder& h) {
    if (h.second == 0) return !heads.contains(h.first);
    return std::none_of(newest.rows.begin(), newest.rows.end(), [&](const Session& s) {
      return is_same(h, {s.pid, began(&s)});
    });
  }));
}

}  // namespace

std::vector<Contest> contests(const Input& in, Coveted what, double seconds) {
  std::map<std::string, Tally> tallies;
  std::map<std::string, double> joining;  // also in samples that show nobody in line
  Names names(what);
  const auto samples = in.series(activity, seconds);
  for (const auto& sample : samples) look_at(sample, what, names, tallies, joining);
  std::vector<Contest> all;
  for (auto& [key, t] : tallies) {
    t.c.samples = samples.size();
    t.c.waiting /= static_cast<double>(samples.size());
    t.c.one_line = (t.c.one_line + joining[key]) / static_cast<double>(samples.size());
    t.c.waiting = std::max(t.c.waiting, t.c.one_line);
    t.c.wait = median(std::move(t.ages));
    t.c.holders = t.holders.size();
    t.c.ended = ended(t, samples.back());
    all.push_back(std::move(t.c));
  }
  return all;
}

std::string coveted_table(const Input& in, Coveted what, const Contest& c, double seconds) {
  if (what == Coveted::advisory) return "";
  const std::string_view kind = what == Coveted::row ? "tuple" : "relation";
  std::map<std::string, int> votes;
  for (const auto& answer : in.series(lock_waits, seconds))
    for (const LockWait& l : answer.rows)
      if (l.locktype == kind && (what == Coveted::row || !l.granted) && c.sessions.contains(l.pid))
        if (std::string name = name_of(in, l); !name.empty()) ++votes[std::move(name)];
  const auto most =
      std::max_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most != votes.end()) return most->first;
  const auto named = tables_in(c.example->query);
  return named.size() == 1 ? with_schema(in, c.example->database, named.front()) : "";
}

bool is_handed_on(const Input& in, const Contest& c, double active) {
  const double needed = in.context().one_shot ? 2 : in[contest::holders];
  const bool crowded = c.one_line >= in[contest::crowd] && c.one_line >= in[contest::crowd_share] * active;
  return static_cast<double>(c.holders) >= needed && static_cast<double>(c.ended) >= needed - 1 &&
         (c.wait >= in[contest::typical_wait] || crowded);
}

bool is_critical(const Input& in, const Contest& c, double share, double critical, double critical_share) {
  return c.wait >= in[contest::typical_wait] && (c.waiting >= critical || share >= critical_share);
}

void tell_contest(const Contest& c, double share, Finding& f) {
  const auto more = [](const auto& a, const auto& b) { return a.second < b.second; };
  f.load = c.waiting;
  f.sessions.assign(c.line.begin(), c.line.end());
  std::vector<std::pair<std::string, int>> queries(c.queries.begin(), c.queries.end());
  std::stable_sort(queries.begin(), queries.end(), [&](const auto& a, const auto& b) { return more(b, a); });
  for (const auto& [id, n] : queries) f.queries.push_back(id);
  int held = 0;
  for (const auto& [id, n] : c.held_during) held += n;
  if (const auto most = std::max_element(c.held_during.begin(), c.held_during.end(), more);
      most != c.held_during.end() && 2 * most->second >= held && !most->first.empty() &&
      !c.queries.contains(most->first))
    f.queries.push_back(most->first);
  f.evidence.push_back({"waiting", fmt::format("{} on average, {} of the load", words::counted(c.waiting, "session"),
                                               words::share(share))});
  f.evidence.push_back({"holders", fmt::format("{} one after the other in {}",
                                               words::counted(static_cast<double>(c.holders), "transaction"),
                                               words::counted(static_cast<double>(c.samples), "sample"))});
  f.evidence.push_back({c.queries.size() > 1 ? fmt::format("one of {} statements", c.queries.size()) : "statement",
                        words::one_line(c.example->query, 300)});
  if (c.head != nullptr)
    f.evidence.push_back({"a holder", fmt::format("pid {}, {}: {}", c.head->pid, words::one_line(c.head->state, 40),
                                                  words::one_line(c.head->query, 200))});
}

Step look_at_holder(const Session& waiter) {
  Step look{.title = "see what the holder does between taking the lock and its commit",
            .database = waiter.database,
            .run_as = "superuser",
            .sql =
                "SELECT b.pid, b.state, b.xact_start, b.query, pg_catalog.count(*) AS waiting\n"
                "  FROM pg_catalog.pg_stat_activity w\n"
                "  JOIN pg_catalog.pg_stat_activity b ON b.pid = ANY (pg_catalog.pg_blocking_pids(w.pid))\n"
                " WHERE w.wait_event_type = 'Lock' GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC LIMIT 5;"};
  look.duration = "at once";
  look.lock = "none";
  return look;
}

}  // namespace pgvigil
