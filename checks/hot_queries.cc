#include "checks/hot_queries.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "checks/plans/cut_text.h"
#include "checks/plans/sql.h"
#include "checks/probes/plans.h"
#include "checks/probes/server.h"
#include "checks/probes/statements.h"

namespace pgvigil {
namespace {

constexpr double window = 60;       // seconds over which growth is taken
constexpr double half_minute = 30;  // in which executions are counted, as checks do

using Place = std::pair<std::string, std::string>;  // database and id

bool is_fingerprint(const std::string& id) { return id.starts_with('f'); }

// Whole texts of pg_stat_statements, by id; the same text of several users is one.
std::map<Place, const StatementText*> known_texts(const Input& in) {
  std::map<Place, const StatementText*> all;
  for (const auto& answer : in.series(statement_texts, in.history().keep_seconds))
    for (const StatementText& t : answer.rows)
      if (!t.truncated && !t.text.empty()) all[{t.database, t.query_id}] = &t;
  return all;
}

const StatementText* whole_of(const std::map<Place, const StatementText*>& texts, const QueryLoad& cut) {
  if (!is_fingerprint(cut.query_id)) {
    const auto it = texts.find({cut.database, cut.query_id});
    return it == texts.end() ? nullptr : it->second;
  }
  const StatementText* found = nullptr;
  for (const auto& [place, t] : texts) {
    if (t->database != cut.database || !sql::begins(cut.query, t->text)) continue;
    if (found != nullptr && found->fingerprint != t->fingerprint) return nullptr;  // two queries begin so
    found = t;
  }
  return found;
}

// Do sessions show the server's ids? Else texts have to tell what is the same.
bool has_ids(const Input& in, const Load& load) {
  for (const QueryLoad& q : load.queries)
    if (!q.query_id.empty()) return !is_fingerprint(q.query_id);
  return !in.now(server).empty() && in.now(server)[0].version_num >= 140000;
}

// The time over which rates of `statements` are taken now.
double span_of(const Input& in) {
  const auto all = in.series(statements, in.history().keep_seconds);
  double span = 0;
  for (auto it = all.rbegin(); it != all.rend(); ++it) {
    const double age = seconds_between(it->at, all.back().at);
    if (age < 0.2) continue;
    if (span > 0 && age > window) break;
    span = age;
  }
  return span;
}

class Gathering {
 public:
  Gathering(const Input& in, const Load& load)
      : in_(in), load_(load), texts_(known_texts(in)), by_id_(has_ids(in, load)) {}

  void running() {
    for (const QueryLoad& q : load_.queries) {
      if (q.query_id.empty()) continue;
      const StatementText* whole = q.truncated ? whole_of(texts_, q) : nullptr;
      std::string id = q.query_id;
      if (whole != nullptr && is_fingerprint(id) && !whole->fingerprint.empty()) id = "f" + whole->fingerprint;
      HotEntry& e = entry(q.database, id);
      if (e.text.empty() || (e.cut && !q.truncated)) {
        e.text = e.load.query = whole != nullptr ? whole->text : q.query;
        e.cut = q.truncated && whole == nullptr;
      }
      note(e, q.query_id);
      if (q.sessions > most_[&e]) most_[&e] = q.sessions, e.load.user = q.user, e.load.application = q.application;
      e.load.sessions += q.sessions;
      e.load.blocked += q.blocked;
      e.load.oldest_seconds = std::max(e.load.oldest_seconds, q.oldest_seconds);
      e.load.executions += q.executions;
      e.load.pids.insert(e.load.pids.end(), q.pids.begin(), q.pids.end());
    }
  }

  void finishing() {
    const double span = span_of(in_);
    for (const Statement& s : in_.now(statements)) {
      auto growth = in_.rate(statements, s, &Statement::total_seconds, window);
      if (!growth || *growth <= 0) continue;
      // The time of an execution counts when it ends, also the part before we looked.
      const double calls = in_.rate(statements, s, &Statement::calls, window).value_or(0);
      growth = std::min(*growth, calls * span);
      const auto text = texts_.find({s.database, s.query_id});
      const bool by_text = !by_id_ && text != texts_.end() && !text->second->fingerprint.empty();
      HotEntry& e = entry(s.database, by_text ? "f" + text->second->fingerprint : s.query_id);
      if (text != texts_.end() && (e.text.empty() || e.cut)) {
        e.text = e.load.query = text->second->text;
        e.fingerprint = text->second->fingerprint;
        e.cut = false;
      }
      note(e, s.query_id);
      if (e.load.user.empty()) e.load.user = s.user;
      e.finishing += *growth;
      calls_[&e] += calls * half_minute;
    }
  }

  void configured() {
    const auto servers = in_.now(server);
    for (const HotQuery& q : in_.context().hot_queries) {
      const std::string database = q.database.empty() && !servers.empty() ? servers[0].database : q.database;
      const sql::Normalised normal = sql::normalise(q.sql);
      HotEntry* same = nullptr;  // of several the one that its user runs, then the hottest
      for (HotEntry& e : all_) {
        if (e.named != nullptr || e.load.database != database || print(e) != normal.fingerprint) continue;
        const auto rank = [&](const HotEntry& x) { return std::pair(x.load.user == q.user, load_of(x)); };
        if (same == nullptr || rank(e) > rank(*same)) same = &e;
      }
      if (same == nullptr) {
        all_.emplace_back();
        same = &all_.back();
        same->load.database = database;
      }
      same->named = &q;
      same->query_id = same->load.query_id = std::string(kConfigured) + q.name;
      same->fingerprint = normal.fingerprint;
      same->text = q.sql;
      same->load.query = normal.text;
      same->cut = false;
      if (!q.user.empty()) same->load.user = q.user;
    }
  }

  std::vector<HotEntry> take() {
    for (HotEntry& e : all_) {
      e.load.sessions = load_of(e);
      const double whole = std::max(load_.active, e.load.sessions);
      e.load.share = whole > 0 ? e.load.sessions / whole : 0;
      e.load.executions = std::max(e.load.executions, std::int64_t(calls_[&e]));
    }
    std::vector<HotEntry> out(std::make_move_iterator(all_.begin()), std::make_move_iterator(all_.end()));
    std::stable_sort(out.begin(), out.end(),
                     [](const HotEntry& a, const HotEntry& b) { return a.load.sessions > b.load.sessions; });
    return out;
  }

 private:
  static double load_of(const HotEntry& e) { return std::max(e.load.sessions, e.finishing); }
  static void note(HotEntry& e, const std::string& id) {
    if (std::find(e.ids.begin(), e.ids.end(), id) == e.ids.end()) e.ids.push_back(id);
  }
  HotEntry& entry(const std::string& database, const std::string& id) {
    const auto [it, is_new] = places_.emplace(Place{database, id}, nullptr);
    if (is_new) {
      all_.emplace_back();
      it->second = &all_.back();
      it->second->query_id = it->second->load.query_id = id;
      it->second->load.database = database;
    }
    return *it->second;
  }
  const std::string& print(HotEntry& e) const {
    if (e.fingerprint.empty() && is_fingerprint(e.query_id)) e.fingerprint = e.query_id.substr(1);
    if (e.fingerprint.empty() && !e.text.empty() && !e.cut) e.fingerprint = sql::normalise(e.text).fingerprint;
    return e.fingerprint;
  }

  const Input& in_;
  const Load& load_;
  std::map<Place, const StatementText*> texts_;
  bool by_id_;
  std::deque<HotEntry> all_;
  std::map<Place, HotEntry*> places_;
  std::map<const HotEntry*, double> most_, calls_;
};

}  // namespace

std::vector<HotEntry> hot_queries(const Input& in, const Load& load) {
  Gathering all(in, load);
  all.running();
  all.finishing();
  all.configured();
  return all.take();
}

const HotEntry* find_hot(const std::vector<HotEntry>& all, const std::string& database, const std::string& query_id) {
  for (const HotEntry& e : all)
    if (e.load.database == database &&
        (e.query_id == query_id || std::find(e.ids.begin(), e.ids.end(), query_id) != e.ids.end()))
      return &e;
  return nullptr;
}

const StatementText* whole_text(const Input& in, const QueryLoad& cut) { return whole_of(known_texts(in), cut); }

}  // namespace pgvigil
