#include "checks/plans/scans.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "checks/hot_queries.h"
#include "checks/plans/counted.h"
#include "checks/plans/either_listed.h"
#include "checks/plans/executed.h"
#include "checks/plans/forced_generic.h"
#include "checks/plans/limit_walk.h"
#include "checks/plans/plan_tree.h"
#include "checks/plans/scan_use.h"
#include "checks/plans/temporary.h"
#include "checks/plans/weigh.h"
#include "checks/probes/called_functions.h"
#include "checks/probes/plan_tables.h"
#include "checks/probes/relation_places.h"

namespace pgvigil {
namespace {

using How = sql::ColumnUse::How;

// Seconds: without a plan a query that never takes long is not suspected, unless counters show that it scans.
constexpr double kLongRunning = 1;

std::string key_of(const std::string& database, const std::string& name) { return database + "\n" + name; }

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
      facts.push_back(
          {.name = t.table.name,
           .heap_bytes = t.table.heap_bytes,
           .toast_bytes = use != nullptr && reads_toast(*use, t.columns) ? t.table.toast_bytes : 0,
           .rows = t.table.rows,
           .parent = t.table.parent,
           .partition_key = t.table.partition_key,
           .subpartition_key = t.table.subpartition_key,
           .hash_key = t.table.hash_key,
           .size_known = t.table.size_known && (t.table.heap_bytes > 0 || t.measured || t.table.kind == "p")});
    }
    const bool generic = p.source == "generic";
    const auto found = [&](const PlanNode& n, bool limited) -> std::optional<double> {
      const KnownTable* t = catalogue_.find(p.database, n.schema, n.relation);
      return t == nullptr ? std::nullopt : rows_found(*t, n, generic, limited);
    };
    const auto walked = [&](const PlanNode& n) -> std::optional<double> {
      return walked_bytes(catalogue_, p.database, n);
    };
    try {
      return judge(p.json, facts, {.floor_bytes = floor_, .generic = generic, .found = found, .walked = walked});
    } catch (const std::invalid_argument&) {
      return {};
    }
  }

  // Of a query named in the configuration the operator gave the text, with whatever literals it has.
  void by_plan(const Plan& p, Time at, const HotEntry& e, const Inner* inner) {
    const std::string& text = inner != nullptr ? inner->statement->query : e.text;
    const auto uses = catalogue_.relations(p.database, text);
    const bool generic = p.source == "generic";
    std::vector<Scan> scans = judged(p, uses);
    if (scans.empty()) return;
    const PlanTree plan = parse_plan(p.json);
    std::vector<std::pair<const KnownTable*, TableReader>> readers;
    for (Scan& s : scans) {
      const KnownTable* t = s.relation.empty() ? nullptr : catalogue_.find(p.database, s.schema, s.relation);
      if (t == nullptr) continue;
      TableReader r = reader_of(e, inner);
      const auto* use = use_of(uses, s.schema, s.relation, s.alias.empty() ? s.relation : s.alias, s.filter);
      if (use == nullptr)  // of a partition the text names a parent
        if (const KnownTable* whole = catalogue_.named(p.database, t->table.parent))
          use = use_of(uses, whole->table.schema, whole->table.relation);
      r.use = use != nullptr && !use->uses.empty() ? *use : use_of_filter(s, use == nullptr);
      add_unwritten(r.use, s);
      judge_either_listed(*t, r.use, plan.root, s);
      const std::string conditions = s.filter + " " + s.join_condition;
      if (!s.rewrite.empty()) {
        r.advice.obstacle = Obstacle::rewrite;
        r.advice.why_not = s.rewrite;
      } else {
        const double kept = s.rows_kept / std::max(1.0, s.rows_read);
        r.advice = advise(r.use, *t,
                          {.filter = conditions,
                           .settings = plan.settings,
                           .alias = s.alias,
                           .in_order = s.first_sorted,
                           .kept = s.filter.empty() ? std::nullopt : std::optional(kept)});
      }
      // The index came after the plan was made: the next one will tell.
      if (r.advice.kind == IndexAdvice::Kind::exists && !in_.context().one_shot &&
          !catalogue_.there_since(p.database, r.advice.index, at))
        continue;
      r.basis = generic              ? "the plan made without values"
                : e.named == nullptr ? "the plan with the values of a running query"
                : inner == nullptr && !e.named->parameters.empty()
                    ? "the plan with the sample values of the configuration"
                    : "the plan with the values of its text";
      if (s.verdict == ScanVerdict::harmful && r.advice.creates() && s.confidence == Confidence::medium &&
          simple_equality(r.use) && !s.index) {
        s.confidence = Confidence::high;
        r.basis += ", whose conditions are plain equality that no index serves";
      }
      weigh(*t, r.use, r.advice, generic, s, r.basis);
      r.verdict = s.verdict;
      r.confidence = s.confidence;
      r.scan = std::move(s);
      judge_limit_walk(in_, p.json, floor_, *t, r);
      judge_returned(in_, catalogue_, plan.root, *t, r);
      if (r.scan->index && r.verdict != ScanVerdict::harmful) continue;
      doubt(r, *t, p, text, inner != nullptr);
      if (generic) judge_forced_generic(in_, text, r);
      judge_temporary(in_, *t, r);
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

  void by_text(const HotEntry& e, const Inner* inner, const std::string& why) {
    const QueryLoad& q = e.load;
    const std::string& text = inner != nullptr ? inner->statement->query : q.query;
    const auto uses = catalogue_.relations(q.database, text);
    for (const auto& use : uses) {
      const KnownTable* t = catalogue_.find(q.database, use.schema, use.relation);
      if (t == nullptr) continue;
      TableReader r = reader_of(e, inner);
      r.use = use;
      r.advice = advise(use, *t);
      const bool large = t->table.heap_bytes + (reads_toast(use, t->columns) ? t->table.toast_bytes : 0) >= floor_;
      const bool counted = inner == nullptr && counted_as_scans(in_, e, text, uses, *t);
      if (r.advice.creates() && large && (counted || q.oldest_seconds >= kLongRunning) &&
          unserved(*t, r.advice.columns)) {
        r.verdict = ScanVerdict::harmful;
        const bool plain = t->table.usable_indexes == 0 && simple_equality(use) && inner == nullptr;
        r.confidence = plain || counted ? Confidence::medium : Confidence::low;
      }
      r.basis = fmt::format("the query's text{}, plan not seen: {}",
                            counted ? " and the server's count of rows that sequential scans read" : " alone", why);
      add(*t, std::move(r));
    }
  }

  std::vector<ReadTable> take() {
    for (ReadTable& t : found_)
      std::stable_sort(t.readers.begin(), t.readers.end(),
                       [](const auto& a, const auto& b) { return a.query.sessions > b.query.sessions; });
    return std::move(found_);
  }

  // What the statements of one query read is known: it is one load, and each has its part of it.
  void next_query() {
    const auto bytes = [](const auto& p) {
      return p.second.scan ? p.second.scan->bytes_read : static_cast<double>(p.first->table.size());
    };
    std::erase_if(pending_, [&](const auto& p) {  // an inlined function is in the plan of the query as well
      return !p.second.inside.empty() && std::any_of(pending_.begin(), pending_.end(), [&](const auto& o) {
        return o.second.inside.empty() && o.first == p.first;
      });
    });
    double all = 0;
    bool inside = false;
    for (const auto& p : pending_)
      if (p.second.verdict == ScanVerdict::harmful) all += bytes(p), inside = inside || !p.second.inside.empty();
    for (auto& p : pending_) {
      if (inside && all > 0 && p.second.verdict == ScanVerdict::harmful) {
        p.second.query.sessions *= bytes(p) / all;
        p.second.query.share *= bytes(p) / all;
      }
      settle(*p.first, std::move(p.second));
    }
    pending_.clear();
  }

 private:
  static TableReader reader_of(const HotEntry& e, const Inner* inner) {
    TableReader r;
    r.query = unblocked(e.load);
    r.ids = e.ids;
    r.configured = e.named != nullptr;
    if (inner != nullptr) {
      r.inside = inner->where;
      r.inner_id = inner->statement->query_id;
      r.inner = inner->statement->query;
    }
    return r;
  }

  // What lessens the confidence of a plan's verdict: a relation that had to be looked for, a body that may not run.
  void doubt(TableReader& r, const KnownTable& t, const Plan& p, const std::string& text, bool inner) const {
    if (!p.schemas.empty()) {
      const Places places = places_of(in_, p.database, text, r.query.pids);
      r.basis += ", found in " + (places.basis.empty() ? "schema " + p.schemas.front() : places.basis);
      r.confidence = std::min(r.confidence, places.guessed ? Confidence::low : Confidence::medium);
      if (!places.schemas.empty() && places.schemas == p.schemas) r.confidence = r.scan->confidence;
    }
    if (!inner) return;
    r.basis += ", of a statement in a function's body, its variables taken as parameters";
    r.confidence = std::min(r.confidence, Confidence::medium);
    if (r.scan->index || t.table.kind == "p" || r.query.sessions <= 0) return;
    // Where the body branches a statement may never run: then nothing is read. What still runs has not been counted,
    // and an agent that has looked only once knows more with its next look.
    auto read = in_.rate(tables, t.table, &Table::seq_rows_read);
    if (!read) read = in_.rate(plan_tables, t.table, &Table::seq_rows_read);
    const bool one_shot = in_.context().one_shot;
    const bool ended = r.query.executions >= 5 && r.query.oldest_seconds < (one_shot ? 1 : 20);
    if (!read && one_shot) r.confidence = Confidence::low;
    const bool may_be_idle = read ? *read == 0 && ended : !one_shot;
    if (may_be_idle && r.verdict == ScanVerdict::harmful) r.verdict = ScanVerdict::unsure;
  }

  void add(const KnownTable& t, TableReader reader) { pending_.emplace_back(&t, std::move(reader)); }
  void settle(const KnownTable& t, TableReader reader) {
    const auto place = std::find_if(found_.begin(), found_.end(), [&](const ReadTable& r) { return r.known == &t; });
    ReadTable& table = place != found_.end() ? *place : found_.emplace_back(ReadTable{&t, {}});
    for (const TableReader& r : table.readers)  // a relation named twice in one text
      if (!reader.scan && r.query.query_id == reader.query.query_id && r.inner_id == reader.inner_id) return;
    table.readers.push_back(std::move(reader));
  }

  const Input& in_;
  const Catalogue& catalogue_;
  std::int64_t floor_;
  std::vector<ReadTable> found_;
  std::vector<std::pair<const KnownTable*, TableReader>> pending_;  // of the query that is looked at
};

}  // namespace

std::vector<std::string> index_places(const KnownTable& known, const TableReader& reader) {
  std::vector<std::string> names;
  for (const KnownTable* part : reader.parts) names.push_back(part->table.name);
  if (names.empty()) names.push_back(known.table.name);
  return names;
}

double ReadTable::sessions(ScanVerdict verdict) const {
  double sum = 0;
  for (const TableReader& r : readers) sum += r.verdict == verdict ? r.query.sessions : 0;
  return sum;
}

namespace {

constexpr double patience = 6;  // seconds in which a plan is awaited

// How long ago the samples first show this query.
double seconds_seen(const Input& in, const HotEntry& e) {
  for (const auto& sample : in.series(activity, in.history().keep_seconds))
    for (const Session& s : sample.rows)
      if (s.database == e.load.database && std::find(e.ids.begin(), e.ids.end(), s.query_id) != e.ids.end())
        return seconds_between(sample.at, in.at());
  return 0;
}

// Why there is no plan of this query.
std::string refusal(const Input& in, const Plan* refused) {
  if (refused == nullptr) return "EXPLAIN has not been asked yet";
  if (refused->sqlstate != "42501") return fmt::format("EXPLAIN failed ({})", refused->sqlstate);
  return fmt::format("GRANT pg_read_all_data TO {}; would show it (on 13: GRANT SELECT on the tables)",
                     in.now(server).empty() ? "the monitoring role" : sql::quote_identifier(in.now(server)[0].role));
}

}  // namespace

std::map<std::string, NewestPlan> newest_plans(const Input& in) {
  std::map<std::string, NewestPlan> newest;
  const auto all = in.series(plans, 15 * 60);
  for (const auto& answer : all)
    for (const Plan& p : answer.rows) newest[plans.key(p)] = {&p, answer.at};
  return newest;
}

std::vector<ReadTable> read_tables(const Input& in, const Catalogue& catalogue, const Load& load,
                                   std::int64_t floor_bytes) {
  Reading reading(in, catalogue, floor_bytes);
  const auto newest = newest_plans(in);
  const auto plan_of = [&](const std::string& database, const std::string& id) {
    const auto it = newest.find(key_of(database, id));
    return it == newest.end() ? NewestPlan() : it->second;
  };
  for (const HotEntry& e : hot_queries(in, load)) {
    if (e.text.empty() || e.cut) continue;
    const std::vector<Inner> inner = inner_statements(in, e.load.database, e.text);
    // The plan comes with the next sweep: the agent need not guess what it will know in a moment.
    const bool patient = !in.context().one_shot && seconds_seen(in, e) < patience;
    const auto read = [&](const NewestPlan& known, const Inner* statement) {
      if (known.plan != nullptr && !known.plan->json.empty())
        reading.by_plan(*known.plan, known.at, e, statement);
      else if (known.plan != nullptr || !patient)
        reading.by_text(e, statement, refusal(in, known.plan));
    };
    read(plan_of(e.load.database, e.query_id), nullptr);
    for (const Inner& i : inner) read(plan_of(e.load.database, i.statement->query_id), &i);
    reading.next_query();
  }
  return reading.take();
}

PlanScans scans_of(const Input& in, const Catalogue& catalogue, const Plan& plan) {
  constexpr std::int64_t floor = 10LL << 20;
  PlanScans out;
  Reading reading(in, catalogue, floor);
  HotEntry alone;
  alone.text = plan.query;
  for (const HotQuery& known : in.context().hot_queries)
    if (!plan.name.empty() && known.name == plan.name) alone.text = known.sql, alone.named = &known;
  for (const Scan& s : reading.judged(plan, catalogue.relations(plan.database, alone.text)))
    if (!s.index) out.seq_rows += std::max(s.rows_read, s.rows_kept) * std::max(1.0, s.loops);
  reading.by_plan(plan, in.at(), alone, nullptr);
  reading.next_query();
  out.tables = reading.take();
  for (const ReadTable& t : out.tables)
    for (const TableReader& r : t.readers) out.harmful = out.harmful || r.verdict == ScanVerdict::harmful;
  return out;
}

}  // namespace pgvigil
