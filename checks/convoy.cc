#include "checks/convoy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "checks/blocking.h"
#include "checks/handed_on.h"
#include "checks/load.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr double window = 30;

Remedy cure(Coveted what, const std::string& table) {
  if (what == Coveted::advisory)
    return {
        Remedy::Kind::cure,
        "take a lock for each thing that is worked on, not one for all of it; do the slow work before taking it, or "
        "after its release; where another one already does the job, pg_try_advisory_lock and go on",
        {}};
  return {
      Remedy::Kind::cure,
      fmt::format("lock no more than the rows that are changed (SELECT ... FOR UPDATE); where {} has to be locked as a "
                  "whole (LOCK TABLE, TRUNCATE, ALTER TABLE), do it last, right before the commit",
                  table),
      {}};
}

std::string sentence(const Contest& c, Coveted what, const std::string& table) {
  const std::string sessions = words::counted(std::round(c.waiting), "session");
  const std::string half =
      fmt::format("half of them for {} or more: {}", words::duration(c.wait), words::one_line(c.example->query, 100));
  if (what == Coveted::advisory)
    return fmt::format("{} wait for the same advisory lock one after the other, {}", sessions, half);
  return fmt::format("{} wait for {}, which one transaction after the other locks as a whole, {}", sessions, table,
                     half);
}

Finding told(const Input& in, const Contest& c, Coveted what, double share) {
  const Session& s = *c.example;
  const std::string table = coveted_table(in, what, c, window);
  const std::string named = table.empty() ? "a table" : words::one_line(table);
  const bool bad = is_critical(in, c, share, in[blocking::critical], in[blocking::critical_share]);
  Finding f;
  f.severity = bad ? Severity::critical : Severity::warning;
  if (!bad && c.wait < in[contest::typical_wait]) f.act_by = ActBy::today;
  f.object = table.empty() ? Object{"query", s.query_id, s.database} : Object{"table", table, s.database};
  f.sentence = sentence(c, what, named);
  if (!table.empty()) f.tables = {table};
  f.confidence = Confidence::high;
  f.basis = "load samples: who waits for the lock, and who holds it, from moment to moment";
  f.fix = what == Coveted::advisory ? "shorter work under the advisory lock" : "no lock on all of " + named;
  tell_contest(c, share, f);
  f.remedies = {{Remedy::Kind::first_aid, "see who is in front", {look_at_holder(s)}}, cure(what, named)};
  return f;
}

}  // namespace

std::vector<Finding> convoys(const Input& in, double active) {
  std::vector<Finding> found;
  for (const Coveted what : {Coveted::table, Coveted::advisory})
    for (const Contest& c : contests(in, what, window))
      if (c.waiting >= in[blocking::warn] && is_handed_on(in, c, active))
        found.push_back(told(in, c, what, active > 0 ? std::min(1.0, c.waiting / active) : 0));
  std::stable_sort(found.begin(), found.end(), [](const Finding& a, const Finding& b) { return a.load > b.load; });
  return found;
}

}  // namespace pgvigil
