#include <fmt/format.h>

#include <algorithm>

#include "checks/check.h"
#include "checks/plans/sql.h"
#include "checks/probes/sequences.h"
#include "checks/probes/tables.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Ratio> warn{"warn", 0.75, "share of what the type can hold from which it warns"};
constexpr Setting<Ratio> crit{"crit", 0.9, "share from which it is critical"};
constexpr Setting<Ratio> end{"end", 0.98, "share from which to act now where the speed is not known"};
constexpr Setting<Seconds> now{"now", 86'400, "act now when the rest lasts no longer than this"};
constexpr Setting<Seconds> today{"today", 7 * 86'400, "act today when the rest lasts no longer than this"};

// Values taken per second: by the sequence itself, or by the rows that went into its table. None seen is not known.
std::optional<double> speed(const Input& in, const SequenceUse& s) {
  std::optional<double> best;
  const auto better = [&](std::optional<double> rate) {
    if (rate && *rate > 0 && (!best || *rate > *best)) best = rate;
  };
  better(in.rate(sequences, s, &SequenceUse::last, 1800));
  for (const Table& t : in.now(tables))
    if (t.database == s.database && t.name == s.table)
      if (const auto rows = in.rate(tables, t, &Table::rows_inserted, 600)) better(*rows * s.step);
  return best;
}

// The limit that somebody gave it.
std::string own_limit(const SequenceUse& s) {
  return s.down ? fmt::format("MINVALUE -{:.0f}", s.limit) : fmt::format("MAXVALUE {:.0f}", s.limit);
}

std::string what_it_is(const SequenceUse& s) {
  const std::string column = s.table.empty() ? "" : fmt::format("{}.{}", s.table, s.column);
  if (!s.is_sequence) return fmt::format("{}, a key of type {},", column, s.type);
  const std::string ends = s.own_limit ? "its own " + own_limit(s) : s.type;
  return column.empty() ? fmt::format("sequence {} ({})", s.name, ends)
                        : fmt::format("sequence {} of {} ({})", s.name, column, ends);
}

bool is_integer(const std::string& type) { return type == "smallint" || type == "integer"; }

Remedy take_limit_away(const SequenceUse& s) {
  const std::string which = s.down ? "MINVALUE" : "MAXVALUE";
  Step step{.title = fmt::format("take the {} away", which), .database = s.database, .run_as = s.owner, .sql = {}};
  step.sql = fmt::format("ALTER SEQUENCE {} NO {};", s.name, which);
  step.lock = "SHARE ROW EXCLUSIVE on the sequence, for a moment";
  step.undo = fmt::format("ALTER SEQUENCE {} {};", s.name, own_limit(s));
  step.duration = "at once";
  step.caution =
      "somebody set it: ask first whether the numbers beyond belong to another server, or are too long for what reads "
      "them";
  return {Remedy::Kind::cure, "let it count as far as its type goes", {std::move(step)}};
}

std::vector<Remedy> remedies(const SequenceUse& s) {
  if (s.own_limit) return {take_limit_away(s)};
  std::vector<Remedy> all;
  if (s.is_sequence && is_integer(s.type) && !s.table.empty()) {
    Step back{.title = "win time: let it count through the negative half",
              .database = s.database,
              .run_as = s.owner,
              .sql = {}};
    back.sql = fmt::format("ALTER SEQUENCE {} MINVALUE -{:.0f} RESTART WITH -{:.0f};", s.name, s.limit, s.limit);
    back.lock = "SHARE ROW EXCLUSIVE on the sequence, for a moment";
    back.undo = "none: values that were given stay";
    back.caution = "only where the application takes negative keys and does not order by them";
    back.duration = "at once";
    back.straight_path = false;
    all.push_back({Remedy::Kind::first_aid, "the other half of the type", {std::move(back)}});
  }
  if (s.table.empty() || !(is_integer(s.type) || s.type.starts_with("numeric"))) return all;
  Step widen{.title = fmt::format("make {} a bigint", s.column), .database = s.database, .run_as = s.owner, .sql = {}};
  widen.sql = fmt::format("SET lock_timeout = '5s';\nALTER TABLE {} ALTER COLUMN {} TYPE bigint;", s.table, s.column);
  if (s.is_sequence && is_integer(s.type)) widen.sql += fmt::format("\nALTER SEQUENCE {} AS bigint;", s.name);
  widen.lock = "ACCESS EXCLUSIVE while the whole table and its indexes are written anew";
  widen.caution =
      "on a large table: add a bigint column, fill it in batches with a trigger that keeps it current, build its "
      "unique "
      "index CONCURRENTLY, then swap the two; columns that refer to it need the same";
  all.push_back({Remedy::Kind::cure, "a type that does not end", {std::move(widen)}});
  return all;
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  for (const SequenceUse& s : in.now(sequences)) {
    if (s.name.empty() || s.limit <= s.before) continue;
    const double used = (s.last - s.before) / (s.limit - s.before),
                 left = std::max(0.0, s.limit - s.last) / std::max(s.step, 1.0);
    if (used < in[warn]) continue;
    const auto rate = speed(in, s);
    const double seconds = rate ? left * s.step / *rate : -1;
    Finding f;
    f.severity = used >= in[crit] ? Severity::critical : Severity::warning;
    f.act_by = used >= in[crit] ? ActBy::this_week : ActBy::later;
    if (rate ? seconds <= in[now] : used >= in[end])
      f.act_by = ActBy::now, f.severity = Severity::critical;
    else if (rate && seconds <= in[today])
      f.act_by = ActBy::today;
    f.object = s.is_sequence ? Object{"sequence", s.name, s.database} : Object{"table", s.table, s.database};
    f.sentence = fmt::format("{} has used {} of its values", what_it_is(s),
                             used >= 0.995 ? fmt::format("all but {}", words::count(left)) : words::share(used));
    if (left < 1)
      f.sentence += ": inserts fail";
    else if (rate)
      f.sentence += fmt::format("; the rest lasts {} at this rate", words::duration(seconds));
    f.evidence = {{"reached", fmt::format("{:.0f} of {:.0f}", s.last, s.limit)}, {"left", words::count(left)}};
    if (rate) f.evidence.push_back({"taken", words::rate(*rate, "values")});
    if (!s.table.empty()) f.tables = {s.table};
    f.confidence = s.is_sequence ? Confidence::high : Confidence::medium;
    f.basis = s.own_limit     ? "the sequence itself"
              : s.is_sequence ? "the sequence itself and the type of the column it feeds"
                              : "the highest value that ANALYZE saw in the key";
    f.fix = s.own_limit       ? fmt::format("sequence {} without a limit of its own", s.name)
            : s.table.empty() ? "a sequence of type bigint"
                              : fmt::format("{}.{} as bigint", s.table, s.column);
    f.remedies = remedies(s);
    found.push_back(std::move(f));
  }
  return found;
}

std::string fine(const Input& in) {
  double looked = 0, all = 0, hidden = 0;
  for (const SequenceUse& s : in.now(sequences))
    looked += static_cast<double>(s.looked_at), all += static_cast<double>(s.there_are),
        hidden += static_cast<double>(s.hidden);
  if (all > 0 && hidden >= all) return {};  // not seen is not ruled out
  std::string text = fmt::format("none of {} has used {} of its values", words::counted(looked - hidden, "sequence"),
                                 words::share(in[warn]));
  if (all > looked) text += fmt::format(" (of {}, those used most)", words::count(all));
  if (hidden > 0) text += fmt::format("; {} may not be read", words::count(hidden));
  return text;
}

Scenario used(double share, double per_second = 0, bool known = true, bool feeds = true) {
  const auto at = [&](double ago) {
    SequenceUse s;
    s.database = "shop", s.name = "public.orders_id_seq", s.type = "integer", s.owner = "owner";
    if (feeds) s.table = "public.orders", s.column = "id";
    s.limit = 2147483647;
    s.last = share * s.limit - ago * per_second;
    return s;
  };
  SequenceUse count;
  count.database = "shop";
  count.looked_at = count.there_are = 40;
  Scenario out;
  if (known) out.saw(600, sequences, {at(600), count});
  return out.saw(1, sequences, {at(1), count});
}

// Of a range of a hundred million numbers.
Scenario in_a_range(double first, double last) {
  SequenceUse s;
  s.database = "shop", s.name = "public.shard_two", s.table = "public.orders", s.column = "id", s.type = "bigint";
  s.own_limit = true, s.before = first - 1, s.limit = first + 99'999'999, s.last = last, s.owner = "owner";
  return Scenario().saw(1, sequences, {s});
}

Scenario key_without_sequence() {
  SequenceUse s;
  s.database = "shop", s.name = "public.events_pkey", s.table = "public.events", s.column = "id", s.type = "integer";
  s.is_sequence = false, s.last = 2.0e9, s.limit = 2147483647, s.owner = "owner";
  return Scenario().saw(1, sequences, {s});
}

}  // namespace

extern const Check sequence_exhaustion;
const Check sequence_exhaustion{
    .id = "sequence_exhaustion",
    .title = "A sequence or an integer key is nearly used up",
    .why = "At the end of its type every insert fails at once, and a wider type means that the table is written anew.",
    .role = Role::cause,
    .reads = {sequences},
    .may_read = {tables},
    .settings = {warn, crit, end, now, today},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"hours are left", [] { return used(0.95, 5'000); }, {Severity::critical}},
                 {"days are left", [] { return used(0.92, 500); }, {Severity::critical}},
                 {"80 % used, and little use of it", [] { return used(0.8, 2); }, {Severity::warning}},
                 {"99.9 %, at a speed that is not known", [] { return used(0.999, 0, false); }, {Severity::critical}},
                 {"a key that the application numbers itself", key_without_sequence, {Severity::critical}},
                 {"the end of its own range", [] { return in_a_range(2e9, 2.099e9); }, {Severity::critical}},
                 {"the begin of a range far up", [] { return in_a_range(2e9, 2.001e9); }, {}},
                 {"half used", [] { return used(0.55, 10); }, {}},
                 {"95 %, feeding no column, unused", [] { return used(0.95, 0, true, false); }, {Severity::critical}}},
};

}  // namespace pgvigil
