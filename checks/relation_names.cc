#include "checks/relation_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "checks/probes/plan_tables.h"
#include "checks/probes/relation_locks.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

bool is_oid(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

template <class Row>
std::string find(std::span<const Row> rows, const LockWait& lock) {
  for (const Row& r : rows)
    if (r.database == lock.database && std::to_string(r.oid) == lock.relation) return r.name;
  return {};
}

}  // namespace

std::string name_of(const Input& in, const LockWait& lock) {
  if (!is_oid(lock.relation)) return lock.relation;
  for (const Probe<Table>* probe : {&tables, &plan_tables})
    if (std::string name = find(in.now(*probe), lock); !name.empty()) return name;
  return find(in.now(relation_locks), lock);
}

std::string with_schema(const Input& in, std::string_view database, const std::string& name) {
  std::set<std::string> all;
  for (const Probe<Table>* probe : {&tables, &plan_tables})
    for (const Table& t : in.now(*probe))
      if (t.database == database && t.name.ends_with("." + name)) all.insert(t.name);
  return all.size() == 1 ? *all.begin() : name;
}

std::string without_name(const LockWait& lock) {
  return fmt::format("relation {} of {}", words::one_line(lock.relation), words::one_line(lock.database, 63));
}

}  // namespace pgvigil
