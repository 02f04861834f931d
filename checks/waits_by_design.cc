#include "checks/waits_by_design.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include "checks/plans/sql.h"

namespace pgvigil {
namespace {

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::toupper(c); });
  return out;
}

bool contains(std::string_view text, std::string_view word) { return text.find(word) != std::string_view::npos; }

// Work on a table that leaves readers and writers alone, and that only one session can do at a time.
bool maintains(const Session& s) {
  if (s.state.starts_with("idle")) return false;
  if (s.backend_type == "autovacuum worker") return true;
  const std::string text = upper(std::string_view(s.query).substr(0, 200));
  if (text.starts_with("VACUUM")) return !contains(text, "FULL");
  if (text.starts_with("ANALYZE")) return true;
  return contains(text, "CONCURRENTLY") && (text.starts_with("CREATE INDEX") || text.starts_with("CREATE UNIQUE") ||
                                            text.starts_with("REINDEX") || text.starts_with("DROP INDEX"));
}

bool behind_maintenance(const Session& s, const ByPid& all) {
  return std::all_of(s.blocked_by.begin(), s.blocked_by.end(), [&](std::int64_t pid) {
    const auto it = all.find(pid);
    return it != all.end() && maintains(*it->second);
  });
}

// The first thing it has asked for since it connected is a lock that means nothing to the server, and it holds nothing
// itself: a node that waits until the leader is gone.
bool stands_by(const Session& s) {
  static constexpr double connecting = 5, moment = 0.1;  // seconds
  const double age = s.query_age.value_or(0);
  if (s.wait_event != "advisory" || s.transaction_age.value_or(0) > age + moment || s.backend_age > age + connecting)
    return false;
  const std::string text = upper(std::string_view(s.query).substr(0, 200));
  return (text.starts_with("SELECT PG_ADVISORY_LOCK(") || text.starts_with("SELECT PG_CATALOG.PG_ADVISORY_LOCK(")) &&
         sql::kind(s.query) == sql::Kind::select && sql::relations(s.query).empty();
}

}  // namespace

bool waits_by_design(const Session& s, const ByPid& all) {
  return s.wait_event == "virtualxid" || s.backend_type == "autovacuum worker" || stands_by(s) ||
         (maintains(s) && behind_maintenance(s, all));
}

}  // namespace pgvigil
