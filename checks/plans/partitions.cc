#include "checks/plans/partitions.h"

#include <fmt/format.h>

#include <algorithm>

#include "checks/plans/above.h"
#include "checks/plans/sql.h"

namespace pgvigil {
namespace {

void measure(const PlanNode& node, const std::vector<RelationFacts>& facts, int append, double processes,
             PartitionsRead& all) {
  if (is_append(node)) append = node.number;
  if (node.type == "Gather" || node.type == "Gather Merge") processes = processes_below(node);
  const RelationFacts* f = node.type == "Seq Scan" ? facts_of(facts, node) : nullptr;
  if (f != nullptr && !f->parent.empty()) {
    Partitions& p = all[{append, f->parent}];
    const auto bytes = static_cast<double>(f->heap_bytes + f->toast_bytes);
    const double kept = node.rows * (node.parallel ? processes : 1);
    const double rows = std::max(kept, f->rows.value_or(static_cast<double>(f->heap_bytes) / 100));
    p.bytes += bytes;
    p.largest = std::max(p.largest, bytes);
    p.kept += kept;
    p.rows += rows;
    p.most = std::max(p.most, kept / std::max(1.0, rows));
    ++p.scans;
  }
  for (const PlanNode& child : node.children) measure(child, facts, append, processes, all);
}

}  // namespace

PartitionsRead partitions_read(const PlanNode& root, const std::vector<RelationFacts>& facts) {
  PartitionsRead all;
  measure(root, facts, -1, 1, all);
  return all;
}

const RelationFacts* facts_of(const std::vector<RelationFacts>& facts, const PlanNode& node) {
  const std::string relation = sql::quote_identifier(node.relation);
  const std::string name = sql::quote_identifier(node.schema) + "." + relation;
  for (const RelationFacts& f : facts)
    if (node.schema.empty() ? f.name == relation || f.name.ends_with("." + relation) : f.name == name) return &f;
  return nullptr;
}

Selects selects_partitions(const PlanNode& scan, const RelationFacts& facts) {
  using How = sql::ColumnUse::How;
  if (facts.partition_key.empty() || scan.filter.empty()) return Selects::none;
  const std::string alias = sql::quote_identifier(scan.alias.empty() ? scan.relation : scan.alias);
  const auto all = sql::relations(
      fmt::format("SELECT FROM {} {} WHERE {}", sql::quote_identifier(scan.relation), alias, scan.filter));
  if (all.empty() || all.front().has_or) return Selects::none;
  const auto& uses = all.front().uses;
  const auto is_one = [](const std::vector<std::string>& names, const std::string& column) {
    return std::find(names.begin(), names.end(), column) != names.end();
  };
  // A range of what is hashed lies in all partitions.
  const auto selects = [&](const sql::ColumnUse& u) {
    return u.how == How::equal || u.how == How::in_list || (u.how == How::range && !is_one(facts.hash_key, u.column));
  };
  std::vector<std::string> key;  // of the levels of which only some partitions are read
  for (const auto* level : {&facts.partition_key, &facts.subpartition_key})
    if (std::all_of(level->begin(), level->end(), [&](const std::string& column) {
          return std::any_of(uses.begin(), uses.end(),
                             [&](const sql::ColumnUse& u) { return u.column == column && selects(u); });
        }))
      key.insert(key.end(), level->begin(), level->end());
  if (key.empty()) return Selects::none;
  const auto any = [&](const auto& which) { return std::any_of(uses.begin(), uses.end(), which); };
  if (any([&](const auto& u) { return !selects(u) || !is_one(key, u.column); })) return Selects::some;
  return any([](const auto& u) { return u.how == How::range; }) ? Selects::only_ranges : Selects::only_values;
}

}  // namespace pgvigil
