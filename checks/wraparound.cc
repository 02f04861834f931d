#include "checks/wraparound.h"

#include <fmt/format.h>

#include <algorithm>

#include "checks/plans/sql.h"
#include "checks/probes/activity.h"
#include "checks/probes/oldest_tables.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

// Three million before the ids would wrap the server takes no more of them: it can then only be read.
constexpr double ids = 2147483648.0 - 3e6;

double age_of(const DatabaseAge& a, bool multixact) {
  return static_cast<double>(multixact ? a.multixact_age : a.xid_age);
}

// Ids used up per second. Nothing where none were: an idle minute says nothing of the day.
std::optional<double> speed(const Input& in, const DatabaseAge& a, bool multixact) {
  const auto rate = multixact ? in.rate(database_ages, a, &DatabaseAge::multixact_age, in.history().keep_seconds)
                              : in.rate(database_ages, a, &DatabaseAge::next_xid, in.history().keep_seconds);
  return rate && *rate > 0 ? rate : std::nullopt;
}

// Whoever may hold the horizon back: the oldest open transaction, among all databases.
const Session* oldest(const Input& in) {
  const Session* found = nullptr;
  for (const Session& s : in.now(activity))
    if (s.transaction_age && *s.transaction_age > 60 && s.backend_type == "client backend" &&
        (found == nullptr || *s.transaction_age > *found->transaction_age))
      found = &s;
  return found;
}

Remedy remedy(const Input& in, const DatabaseAge& a, bool multixact) {
  Remedy r{Remedy::Kind::cure, "freeze the oldest tables", {}};
  Step look{
      .title = "first: who holds back what may be frozen", .database = a.database, .run_as = "superuser", .sql = {}};
  look.sql =
      "SELECT 'session ' || pid AS who, pg_catalog.age(backend_xmin) AS xids FROM pg_catalog.pg_stat_activity WHERE "
      "backend_xmin IS NOT NULL\n"
      "UNION ALL SELECT 'slot ' || slot_name, greatest(pg_catalog.age(xmin), pg_catalog.age(catalog_xmin)) FROM "
      "pg_catalog.pg_replication_slots\n"
      "UNION ALL SELECT 'prepared ' || gid, pg_catalog.age(transaction) FROM pg_catalog.pg_prepared_xacts\n"
      "ORDER BY 2 DESC NULLS LAST LIMIT 10;";
  look.caution = "vacuum freezes nothing newer than the oldest of them: end it first";
  look.lock = "none";
  r.steps.push_back(std::move(look));
  if (!a.allows_connections) return r;  // only autovacuum gets there
  std::string tables;
  double bytes = 0;
  for (const OldTable& t : in.now(oldest_tables))
    if (t.database == a.database && t.by_multixact == multixact && tables.find(t.name + ";") == std::string::npos) {
      tables += fmt::format("{}VACUUM (FREEZE, VERBOSE) {};", tables.empty() ? "" : "\n", t.name);
      bytes += static_cast<double>(t.bytes);
    }
  Step freeze{.title = "freeze the database", .database = a.database, .run_as = "superuser", .sql = {}};
  freeze.sql = "VACUUM (FREEZE);";
  freeze.lock = "SHARE UPDATE EXCLUSIVE: reads and writes go on";
  freeze.caution = "reads every page that is not frozen yet";
  if (!tables.empty()) {
    Step first = freeze;
    first.title = fmt::format("freeze its oldest tables ({})", words::bytes(bytes));
    first.sql = tables;
    r.steps.push_back(std::move(first));
    freeze.title = "then what is left of the database";
  }
  r.steps.push_back(std::move(freeze));
  return r;
}

}  // namespace

std::vector<Finding> wraparound(const Input& in, const Wraparound& w) {
  std::vector<Finding> found;
  for (const DatabaseAge& a : in.now(database_ages)) {
    // Whoever lets autovacuum come later wants higher ages; near the end that is no excuse any more.
    const double allowed = static_cast<double>(w.multixact ? a.multixact_freeze_max_age : a.freeze_max_age);
    const double age = age_of(a, w.multixact), left = ids - age;
    const double warn = std::min(std::max(w.warn, 1.1 * allowed), ids - w.now_left);
    const double crit = std::min(std::max(w.crit, 1.2 * allowed), ids - w.now_left);
    if (age < warn) continue;
    const auto rate = speed(in, a, w.multixact);
    const std::string_view what = w.multixact ? "multixacts" : "transaction ids";
    Finding f;
    f.severity = age >= crit ? Severity::critical : Severity::warning;
    f.act_by = age >= crit ? ActBy::today : ActBy::this_week;
    if (left <= w.now_left || (rate && left / *rate <= w.now))
      f.act_by = ActBy::now, f.severity = Severity::critical;
    else if (rate && left / *rate <= w.today)
      f.act_by = ActBy::today;
    f.object = {"database", sql::quote_identifier(a.database), a.database};
    f.sentence = fmt::format("database {} has used {} of its {} {}", words::one_line(a.database, 63),
                             words::share(std::min(1.0, age / ids)), words::count(ids), what);
    if (left <= 0)
      f.sentence += ": it takes no more writes";
    else if (rate)
      f.sentence += fmt::format("; the rest lasts {} at this rate", words::duration(left / *rate));
    f.evidence = {{"age of the oldest", words::count(age)},
                  {"left before writes are refused", words::count(std::max(0.0, left))},
                  {"autovacuum should freeze at", words::count(allowed)}};
    if (rate) f.evidence.push_back({"used up", words::rate(*rate, what)});
    for (const OldTable& t : in.now(oldest_tables))
      if (t.database == a.database && t.by_multixact == w.multixact) {
        f.evidence.push_back(
            {"old table", fmt::format("{}: age {}, {}", t.name, words::count(static_cast<double>(t.age)),
                                      words::bytes(static_cast<double>(t.bytes)))});
        f.tables.push_back(t.name);
      }
    if (const Session* s = oldest(in))
      f.evidence.push_back(
          {"oldest open transaction", fmt::format("pid {} (role {}): {}", s->pid, words::one_line(s->user, 63),
                                                  words::duration(*s->transaction_age))});
    f.confidence = Confidence::high;
    f.basis =
        "the catalogue's own ages; autovacuum is forced at a fraction of them, so something keeps it from freezing";
    f.fix = "VACUUM (FREEZE) of the oldest tables, after what holds the horizon back has ended";
    f.remedies.push_back(remedy(in, a, w.multixact));
    found.push_back(std::move(f));
    if (found.size() >= 5) break;
  }
  return found;
}

std::string wraparound_fine(const Input& in, bool multixact) {
  double worst = 0;
  for (const DatabaseAge& a : in.now(database_ages)) worst = std::max(worst, age_of(a, multixact));
  return fmt::format("{} of the {} are in use", words::share(worst / ids),
                     multixact ? "multixacts" : "transaction ids");
}

}  // namespace pgvigil
