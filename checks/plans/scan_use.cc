#include "checks/plans/scan_use.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

#include "checks/plans/index_keys.h"

namespace pgvigil {
namespace {

using How = sql::ColumnUse::How;

// What stands before the dots of a condition as VERBOSE prints it.
std::set<std::string> qualifiers(const std::string& condition) {
  static constexpr std::string_view ends = " ()=<>!~,:.[]+-*/%|&";
  std::set<std::string> names;
  for (auto dot = condition.find('.'); dot != std::string::npos; dot = condition.find('.', dot + 1)) {
    if (dot == 0) continue;
    const bool quoted = condition[dot - 1] == '"';
    const auto before = quoted && dot > 1 ? condition.rfind('"', dot - 2) : condition.find_last_of(ends, dot - 1);
    const std::size_t begin = before == std::string::npos ? 0 : before + (quoted ? 0 : 1);
    const std::string name = condition.substr(begin, dot - begin);
    if (!name.empty() && (name[0] < '0' || name[0] > '9')) names.insert(name);
  }
  return names;
}

}  // namespace

bool reads_toast(const sql::RelationUse& use, const std::vector<RelationColumn>& columns) {
  for (const auto& u : use.uses)
    for (const RelationColumn& c : columns)
      if (c.column == u.column && c.can_toast)
        if (c.type == "json" || c.type == "jsonb" || c.type == "bytea" || c.type == "xml" || u.how == How::like ||
            u.how == How::function || (u.how == How::equal && all_long(c)))
          return true;
  return false;
}

const sql::RelationUse* use_of(const std::vector<sql::RelationUse>& uses, std::string_view schema,
                               std::string_view relation, std::string_view alias, std::string_view filter) {
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

sql::RelationUse use_of_filter(const Scan& s, bool joins) {
  std::string condition = s.filter;
  if (joins && !s.join_condition.empty()) condition += (condition.empty() ? "" : " AND ") + s.join_condition;
  for (std::size_t at = condition.find('?'); at != std::string::npos; at = condition.find('?', at + 1))
    condition.replace(at, 1, "$1");
  const std::string alias = sql::quote_identifier(s.alias.empty() ? s.relation : s.alias);
  std::string others;
  for (const std::string& name : qualifiers(condition))
    if (name != alias) others += fmt::format(", other AS {}", name);
  auto uses = sql::relations(
      fmt::format("SELECT FROM {} {}{} WHERE {}", sql::quote_identifier(s.relation), alias, others, condition));
  return uses.empty() ? sql::RelationUse{s.schema, s.relation, {}} : std::move(uses.front());
}

void add_unwritten(sql::RelationUse& use, const Scan& s) {
  for (sql::ColumnUse& c : use_of_filter(s).uses) {
    const bool written = std::any_of(use.uses.begin(), use.uses.end(), [&](const sql::ColumnUse& u) {
      return u.column == c.column && u.how != How::sort && u.how != How::group;
    });
    if (!written && (c.how == How::equal || c.how == How::in_list)) use.uses.push_back(std::move(c));
  }
}

}  // namespace pgvigil
