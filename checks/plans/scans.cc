#include "checks/plans/scans.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "checks/plans/plan_tree.h"
#include "checks/plans/weigh.h"
#include "checks/probes/duplicates.h"
#include "checks/probes/statements.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

using How = sql::ColumnUse::How;

constexpr double kLongRunning = 1;  // seconds: without a plan a query that never takes long is not suspected

std::string key_of(const std::string& database, const std::string& name) { return database + "\n" + name; }

struct Known {
  Plan plan;
  Time at;
};

// The newest plan of each query: a sweep asks only for those that are due.
std::vector<Known> newest_plans(const Input& in) {
  std::map<std::string, std::pair<const Plan*, Time>> newest;
  const auto all = in.series(plans, 15 * 60);
  for (const auto& answer : all)
    for (const Plan& p : answer.rows) newest[plans.key(p)] = {&p, answer.at};
  std::vector<Known> out;
  for (const auto& [key, known] : newest) out.push_back({*known.first, known.second});
  return out;
}

// Statements that finish, from pg_stat_statements; the samples miss the short ones.
void add_finishing(const Input& in, const Plan& plan, QueryLoad& q) {
  double calls = 0;
  for (const Statement& s : in.now(statements)) {
    if (s.query_id != plan.query_id || s.database != plan.database) continue;
    q.sessions += in.rate(statements, s, &Statement::total_seconds, 60).value_or(0);
    calls += in.rate(statements, s, &Statement::calls, 60).value_or(0) * 60;
  }
  q.executions = std::llround(calls);
}

// TOAST is read where a condition must look into large values.
bool reads_toast(const sql::RelationUse& use, const std::vector<RelationColumn>& columns) {
  for (const auto& u : use.uses)
    for (const RelationColumn& c : columns)
      if (c.column == u.column && c.can_toast)
        if (c.type == "json" || c.type == "jsonb" || c.type == "bytea" || c.type == "xml" || u.how == How::like ||
            u.how == How::function)
          return true;
  return false;
}

// Of the same relation, the one whose alias and whose columns the scan's condition shows.
const sql::RelationUse* use_of(const std::vector<sql::RelationUse>& uses, std::string_view schema,
                               std::string_view relation, std::string_view alias = {}, std::string_view filter = {}) {
  const sql::RelationUse* best = nullptr;
  int most = 0;
  for (const auto& u : uses) {
    if (u.relation != relation || (!u.schema.empty() && !schema.empty() && u.schema != schema)) continue;
    int score = u.uses.empty() ? 0 : 1;
    for (const auto& c : u.uses)  // VERBOSE plans qualify every column
      if (!filter.empty() && c.how != How::sort && c.how != How::group)
        score += filter.find(fmt::format("{}.{}", alias, c.column)) != std::string_view::npos ? 10
                 : c.how == How::join                                                         ? 0
                                                                                              : -10;
    if (!alias.empty() && u.alias == alias) score += 5;
    if (best == nullptr || score > most) {
      best = &u;
      most = score;
    }
  }
  return best;
}

// For views and partitions the text names another relation than the scan: the printed condition is SQL as well.
sql::RelationUse use_of_filter(const Scan& s) {
  std::string condition = s.filter;
  for (std::size_t at = condition.find('?'); at != std::string::npos; at = condition.find('?', at + 1))
    condition.replace(at, 1, "$1");
  const std::string alias = sql::quote_identifier(s.alias.empty() ? s.relation : s.alias);
  auto uses =
      sql::relations(fmt::format("SELECT FROM {} {} WHERE {}", sql::quote_identifier(s.relation), alias, condition));
  return uses.empty() ? sql::RelationUse{s.schema, s.relation, {}} : std::move(uses.front());
}

bool simple_equality(const sql::RelationUse& use) {
  return !use.has_or && !use.uses.empty() && std::all_of(use.uses.begin(), use.uses.end(), [](const auto& u) {
    return u.how == How::equal || u.how == How::in_list || u.how == How::sort || u.how == How::group;
  });
}

// Without a plan: no usable index begins with any column that the text compares.
bool unserved(const KnownTable& t, const std::vector<std::string>& columns) {
  return std::none_of(t.indexes.begin(), t.indexes.end(), [&](const Index& i) {
    return i.is_valid && i.is_ready && !i.columns.empty() &&
           (i.columns[0].empty() || std::find(columns.begin(), columns.end(), i.columns[0]) != columns.end());
  });
}

class Reading {
 public:
  Reading(const Input& in, const Catalogue& catalogue, std::int64_t floor)
      : in_(in), catalogue_(catalogue), floor_(floor) {}

  // The scans of a plan with what the catalogue knows; none when the server's answer is not one we can read.
  std::vector<Scan> judged(const Plan& p, const std::vector<sql::RelationUse>& uses) const {
    std::vector<RelationFacts> facts;
    for (const auto& [key, t] : catalogue_.all()) {
      if (t.table.database != p.database) continue;
      const auto* use = use_of(uses, t.table.schema, t.table.relation);
      facts.push_back({t.table.name, t.table.heap_bytes,
                       use != nullptr && reads_toast(*use, t.columns) ? t.table.toast_bytes : 0, t.table.rows,
                       t.table.parent, t.table.partition_key,
                       t.table.size_known && (t.table.heap_bytes > 0 || t.measured || t.table.kind == "p")});
    }
    const auto found = [&](const PlanNode& n) -> std::optional<double> {
      const KnownTable* t = catalogue_.find(p.database, n.schema, n.relation);
      return t == nullptr ? std::nullopt : rows_found(*t, n.alias.empty() ? n.relation : n.alias, n.index_condition);
    };
    const auto walked = [&](const PlanNode& n) -> std::optional<double> {
      return walked_bytes(catalogue_, p.database, n);
    };
    try {
      return judge(p.json, facts,
                   {.floor_bytes = floor_, .generic = p.source == "generic", .found = found, .walked = walked});
    } catch (const std::invalid_argument&) {
      return {};
    }
  }

  std::vector<sql::RelationUse> uses_of(const Plan& p) const {
    // Of a query named in the configuration the operator gave the text, with whatever literals it has.
    for (const HotQuery& known : in_.context().hot_queries)
      if (!p.name.empty() && known.name == p.name) return catalogue_.relations(p.database, known.sql);
    return catalogue_.relations(p.database, p.query);
  }

  void by_plan(const Plan& p, Time at, const QueryLoad& q, bool configured) {
    const auto uses = uses_of(p);
    const bool generic = p.source == "generic";
    std::vector<Scan> scans = judged(p, uses);
    if (scans.empty()) return;
    const std::map<std::string, std::string> settings = parse_plan(p.json).settings;
    std::vector<std::pair<const KnownTable*, TableReader>> readers;
    for (Scan& s : scans) {
      const KnownTable* t = s.relation.empty() ? nullptr : catalogue_.find(p.database, s.schema, s.relation);
      if (t == nullptr) continue;
      TableReader r;
      r.query = q;
      r.configured = configured;
      const auto* use = use_of(uses, s.schema, s.relation, s.alias.empty() ? s.relation : s.alias, s.filter);
      r.use = use != nullptr && !use->uses.empty() ? *use : use_of_filter(s);
      const std::string conditions = s.filter + " " + s.join_condition;
      r.advice = advise(r.use, *t, {.filter = conditions, .settings = settings});
      // The index came after the plan was made: the next one will tell.
      if (r.advice.kind == IndexAdvice::Kind::exists && !in_.context().one_shot &&
          !catalogue_.there_since(p.database, r.advice.index, at))
        continue;
      r.basis = generic ? "the plan made without values" : "the plan with the values of a running query";
      if (s.verdict == ScanVerdict::harmful && r.advice.creates() && s.confidence == Confidence::medium &&
          simple_equality(r.use) && !s.index) {
        s.confidence = Confidence::high;
        r.basis += ", whose conditions are plain equality that no index serves";
      }
      weigh(*t, r.use, r.advice, generic, s, r.basis);
      if (s.index && s.verdict != ScanVerdict::harmful) continue;
      r.verdict = s.verdict;
      r.confidence = s.confidence;
      r.scan = std::move(s);
      readers.emplace_back(t, std::move(r));
    }
    std::stable_sort(readers.begin(), readers.end(),
                     [](const auto& a, const auto& b) { return a.second.verdict < b.second.verdict; });
    std::set<std::string> seen;  // of each table the worst scan speaks; partitions are one table
    for (auto& [t, r] : readers) {
      const KnownTable* whole = catalogue_.named(p.database, t->table.parent);
      if (whole == nullptr) whole = t;
      if (!seen.insert(whole->table.name).second) continue;
      if (whole != t) {
        for (const auto& [other, o] : readers)
          if (other->table.parent == whole->table.name && o.verdict == r.verdict) r.parts.push_back(other);
        if (r.parts.size() >= whole->partitions) r.parts.clear();
      }
      add(*whole, std::move(r));
    }
  }

  void by_text(const QueryLoad& q, const std::string& why) {
    for (const auto& use : catalogue_.relations(q.database, q.query)) {
      const KnownTable* t = catalogue_.find(q.database, use.schema, use.relation);
      if (t == nullptr) continue;
      TableReader r;
      r.query = q;
      r.use = use;
      r.advice = advise(use, *t);
      const bool large = t->table.heap_bytes + (reads_toast(use, t->columns) ? t->table.toast_bytes : 0) >= floor_;
      if (r.advice.creates() && large && q.oldest_seconds >= kLongRunning && unserved(*t, r.advice.columns)) {
        r.verdict = ScanVerdict::harmful;
        r.confidence = t->table.usable_indexes == 0 && simple_equality(use) ? Confidence::medium : Confidence::low;
      }
      r.basis = "the query's text alone, plan not seen: " + why;
      add(*t, std::move(r));
    }
  }

  std::vector<ReadTable> take() {
    for (ReadTable& t : found_)
      std::stable_sort(t.readers.begin(), t.readers.end(),
                       [](const auto& a, const auto& b) { return a.query.sessions > b.query.sessions; });
    return std::move(found_);
  }

 private:
  void add(const KnownTable& t, TableReader reader) {
    const auto place = std::find_if(found_.begin(), found_.end(), [&](const ReadTable& r) { return r.known == &t; });
    ReadTable& table = place != found_.end() ? *place : found_.emplace_back(ReadTable{&t, {}});
    for (const TableReader& r : table.readers)  // a relation named twice in one text
      if (!reader.scan && r.query.query_id == reader.query.query_id && r.query.user == reader.query.user) return;
    table.readers.push_back(std::move(reader));
  }

  const Input& in_;
  const Catalogue& catalogue_;
  std::int64_t floor_;
  std::vector<ReadTable> found_;
};

}  // namespace

double ReadTable::sessions(ScanVerdict verdict) const {
  double sum = 0;
  for (const TableReader& r : readers) sum += r.verdict == verdict ? r.query.sessions : 0;
  return sum;
}

namespace {

constexpr double patience = 6;  // seconds in which a plan is awaited

// How long ago the samples first show this query.
double seconds_seen(const Input& in, const QueryLoad& q) {
  for (const auto& sample : in.series(activity, in.history().keep_seconds))
    for (const Session& s : sample.rows)
      if (s.query_id == q.query_id && s.database == q.database) return seconds_between(sample.at, in.at());
  return 0;
}

}  // namespace

std::vector<ReadTable> read_tables(const Input& in, const Catalogue& catalogue, const Load& load,
                                   std::int64_t floor_bytes) {
  Reading reading(in, catalogue, floor_bytes);
  std::set<const QueryLoad*> explained;
  std::map<std::string, std::string> refused;
  for (const auto& [p, at] : newest_plans(in)) {
    if (p.json.empty()) {
      refused[key_of(p.database, p.query_id)] =
          p.sqlstate == "42501"
              ? fmt::format(
                    "GRANT pg_read_all_data TO {}; would show it (on 13: GRANT SELECT on the tables)",
                    in.now(server).empty() ? "the monitoring role" : sql::quote_identifier(in.now(server)[0].role))
              : fmt::format("EXPLAIN failed ({})", p.sqlstate);
      continue;
    }
    const bool configured = !p.name.empty();
    bool running = false;
    for (const QueryLoad& q : load.queries)
      if (q.database == p.database && (q.query_id == p.query_id || (configured && q.query == p.query))) {
        if (explained.insert(&q).second) reading.by_plan(p, at, unblocked(q), configured);
        running = true;
      }
    if (running) continue;
    QueryLoad finished;
    finished.query_id = p.query_id;
    finished.query = p.query;
    finished.database = p.database;
    finished.user = p.user;
    add_finishing(in, p, finished);
    finished.share = load.active > 0 ? std::min(1.0, finished.sessions / load.active) : 0;
    if (configured || finished.sessions > 0) reading.by_plan(p, at, finished, configured);
  }
  for (const QueryLoad& q : load.queries) {
    if (explained.contains(&q)) continue;
    const auto why = refused.find(key_of(q.database, q.query_id));
    // The plan comes with the next sweep: the agent need not guess what it will know in a moment.
    if (why == refused.end() && !in.context().one_shot && seconds_seen(in, q) < patience) continue;
    reading.by_text(unblocked(q), why == refused.end() ? "EXPLAIN has not been asked yet" : why->second);
  }
  return reading.take();
}

PlanScans scans_of(const Input& in, const Catalogue& catalogue, const Plan& plan) {
  constexpr std::int64_t floor = 10LL << 20;
  PlanScans out;
  Reading reading(in, catalogue, floor);
  for (const Scan& s : reading.judged(plan, reading.uses_of(plan)))
    if (!s.index) out.seq_rows += std::max(s.rows_read, s.rows_kept) * std::max(1.0, s.loops);
  reading.by_plan(plan, in.at(), {}, !plan.name.empty());
  for (const ReadTable& t : reading.take())
    for (const TableReader& r : t.readers) out.harmful = out.harmful || r.verdict == ScanVerdict::harmful;
  return out;
}

bool read_by_utility(const Input& in, const KnownTable& table, double seconds) {
  for (const auto& sample : in.series(activity, seconds))
    for (const Session& s : sample.rows) {
      if (s.database != table.table.database || s.query.empty()) continue;
      if (s.application == "pg_dump" || s.application == "pg_restore" || s.backend_type == "autovacuum worker")
        return true;
      if (s.query.find(table.table.relation) != std::string::npos && sql::kind(s.query) == sql::Kind::utility)
        return true;
    }
  return false;
}

std::vector<Evidence> about(const KnownTable& known) {
  const Table& t = known.table;
  std::vector<Evidence> all{
      {"size", fmt::format("{} heap, {} TOAST, {}", words::bytes(static_cast<double>(t.heap_bytes)),
                           words::bytes(static_cast<double>(t.toast_bytes)),
                           t.rows ? words::count(*t.rows) + " rows" : "row count unknown: never analysed")}};
  std::vector<std::string> names;
  for (const Index& i : known.indexes) {
    std::vector<std::string> columns;
    for (const std::string& c : i.columns) columns.push_back(c.empty() ? "an expression" : c);
    names.push_back(fmt::format("{} ({}){}{}", i.name, fmt::join(columns, ", "), i.has_predicate ? " partial" : "",
                                i.is_valid && i.is_ready ? "" : " INVALID"));
  }
  all.push_back({"indexes", !names.empty()          ? words::list(names, 8)
                            : t.usable_indexes == 0 ? "none"
                                                    : words::count(static_cast<double>(t.usable_indexes))});
  return all;
}

std::vector<Remedy> cure_of(const Input& in, const KnownTable& table, const IndexAdvice& advice, double relieved,
                            std::vector<std::int64_t> pids) {
  CureRequest r;
  r.table = &table.table;
  r.advice = advice;
  r.columns = table.columns;
  r.existing = table.indexes;
  r.server = in.now(server).empty() ? nullptr : &in.now(server)[0];
  r.load = relieved;
  r.pids = std::move(pids);
  for (const Duplicates& d : in.now(duplicates))
    if (d.database == table.table.database && d.table == table.table.name &&
        std::is_permutation(d.columns.begin(), d.columns.end(), advice.columns.begin(), advice.columns.end()))
      r.duplicates = &d;
  return cure(r);
}

std::vector<Remedy> cure_of(const Input& in, const KnownTable& table, const TableReader& reader, double relieved,
                            std::vector<std::int64_t> pids) {
  if (reader.parts.empty()) return cure_of(in, table, reader.advice, relieved, std::move(pids));
  std::vector<Remedy> all;
  for (const KnownTable* part : reader.parts)
    for (Remedy& r :
         cure_of(in, *part, reader.advice, relieved, part == reader.parts.front() ? pids : decltype(pids)()))
      all.push_back(std::move(r));
  return all;
}

}  // namespace pgvigil
