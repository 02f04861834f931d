#include "agent/core/texts.h"

#include <fmt/format.h>

#include <functional>

#include "checks/plans/sql.h"

namespace pgvigil {

// By the text, not by pid and start: the samples of one execution and those of many others share it.
const QueryBook::Known& QueryBook::known(const Session& s) {
  const std::string key = fmt::format("{:x}.{:x}", std::hash<std::string>{}(s.query), s.query.size());
  if (const auto it = texts_.find(key); it != texts_.end()) return it->second;
  while (texts_.size() >= limits_.executions && !text_order_.empty()) {
    texts_.erase(text_order_.front());
    text_order_.pop_front();
  }
  sql::Normalised n = sql::normalise(s.query);
  ++parsed_;
  const sql::Kind kind = n.parsed ? sql::kind(s.query) : sql::Kind::unparsable;
  const bool has_plan = kind != sql::Kind::unparsable && kind != sql::Kind::utility && kind != sql::Kind::several;
  text_order_.push_back(key);
  return texts_.insert_or_assign(key, Known{std::move(n.text), std::move(n.fingerprint), has_plan}).first->second;
}

void QueryBook::keep(const Session& s, const std::string& query_id) {
  if (s.query.size() > limits_.text_bytes || limits_.queries == 0) return;
  if (const auto it = examples_.find(query_id); it != examples_.end()) {
    used_.splice(used_.begin(), used_, it->second);
    return;
  }
  while (examples_.size() >= limits_.queries) {
    examples_.erase(used_.back().query_id);
    used_.pop_back();
  }
  used_.push_front({query_id, {s.query, s.user, s.database}});
  examples_[query_id] = used_.begin();
}

void QueryBook::take(std::vector<Session>& sessions) {
  for (Session& s : sessions) {
    if (s.query.empty() || s.query == "<insufficient privilege>") continue;
    const Known& k = known(s);
    if (s.query_id.empty()) s.query_id = "f" + k.fingerprint;
    if (k.has_plan && !s.truncated) keep(s, s.query_id);
    s.query = k.text;
  }
}

std::optional<QueryBook::Example> QueryBook::raw(const std::string& query_id) {
  const auto it = examples_.find(query_id);
  if (it == examples_.end()) return std::nullopt;
  used_.splice(used_.begin(), used_, it->second);
  return it->second->example;
}

}  // namespace pgvigil
