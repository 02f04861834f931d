#include "checks/plans/sql_commands.h"

#include <algorithm>

#include "checks/plans/sql.h"
#include "checks/plans/sql_tree.h"

namespace pgvigil::sql {
namespace {

constexpr int kDeep = 20;

void gather(const Json& node, std::vector<Relation>& all, int depth) {
  if (depth > kDeep || !node.is_structured()) return;
  if (node.is_object() && node.contains("relname")) {
    Relation r{text(node, "schemaname"), text(node, "relname")};
    const auto same = [&](const Relation& k) { return k.schema == r.schema && k.relation == r.relation; };
    if (std::none_of(all.begin(), all.end(), same)) all.push_back(std::move(r));
    return;
  }
  for (const Json& child : node) gather(child, all, depth + 1);
}

}  // namespace

std::vector<Relation> command_relations(std::string_view query) {
  std::vector<Relation> all;
  if (kind(query) != Kind::utility) return all;
  const Json tree = parse_tree(query);
  if (tree.is_null()) return all;
  for (const Json& s : tree["stmts"]) gather(at(s, "stmt"), all, 0);
  return all;
}

}  // namespace pgvigil::sql
