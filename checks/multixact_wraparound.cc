#include "checks/check.h"
#include "checks/probes/activity.h"
#include "checks/probes/oldest_tables.h"
#include "checks/wraparound.h"

namespace pgvigil {
namespace {

constexpr Setting<Count> warn{"warn", 500e6, "multixacts since the oldest that is not frozen, from which it warns"};
constexpr Setting<Count> crit{"crit", 1.2e9, "the same, from which it is critical"};
constexpr Setting<Count> now_left{"now_left", 100e6, "act now when so many are left, at whatever rate"};
constexpr Setting<Seconds> now{"now", 86'400, "act now when they last no longer than this"};
constexpr Setting<Seconds> today{"today", 7 * 86'400, "act today when they last no longer than this"};

std::vector<Finding> evaluate(const Input& in) {
  return wraparound(in, {true, in[warn], in[crit], in[now_left], in[now], in[today]});
}

std::string fine(const Input& in) { return wraparound_fine(in, true); }

// Two looks a minute apart.
Scenario aged(double age, double per_second, std::int64_t allowed = 200'000'000) {
  const auto at = [&](double ago) {
    DatabaseAge a;
    a.database = "shop";
    a.multixact_age = static_cast<std::int64_t>(age - ago * per_second);
    a.next_xid = 5'000'000'000 + a.multixact_age;
    a.multixact_freeze_max_age = allowed;
    return a;
  };
  return Scenario().saw(60, database_ages, {at(60)}).saw(0, database_ages, {at(0)});
}

}  // namespace

extern const Check multixact_wraparound;
const Check multixact_wraparound{
    .id = "multixact_wraparound",
    .title = "Multixacts run out",
    .why =
        "Rows that several sessions lock at once use them up: foreign keys do. At the end the server refuses such "
        "locks.",
    .role = Role::cause,
    .reads = {database_ages},
    .may_read = {oldest_tables, activity},
    .settings = {warn, crit, now_left, now, today},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"nobody has frozen for 1.3 bn", [] { return aged(1.3e9, 200); }, {Severity::critical}},
                 {"hours are left", [] { return aged(9e8, 50'000); }, {Severity::critical}},
                 {"a few days are left", [] { return aged(1.1e9, 2'000); }, {Severity::warning}},
                 {"70 M are left, and nobody works", [] { return aged(2.07e9, 0); }, {Severity::critical}},
                 {"600 M, and little use", [] { return aged(6e8, 10); }, {Severity::warning}},
                 {"autovacuum is told to come late", [] { return aged(6e8, 10, 1'000'000'000); }, {}},
                 {"180 M", [] { return aged(1.8e8, 100); }, {}}},
};

}  // namespace pgvigil
