// Query texts on their way in: literals are taken out before a row is made of them. The raw texts stay here, in
// bounded memory, for the one use that needs them: EXPLAIN with the values that were really used.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "checks/plans/embedded.h"
#include "checks/probe.h"

namespace pgvigil::pg {

// Keeps what was used lately: two generations, the older one is forgotten when the younger is full.
template <class Value>
class Lately {
 public:
  const Value* find(const std::string& key) {
    if (const auto it = young_.find(key); it != young_.end()) return &it->second;
    const auto it = old_.find(key);
    if (it == old_.end()) return nullptr;
    Value value = std::move(it->second);
    old_.erase(it);
    return put(key, std::move(value), key.size());
  }
  const Value* put(const std::string& key, Value value, std::size_t bytes) {
    if (young_.size() >= 500 || (bytes_ += bytes) > (2U << 20)) {
      old_ = std::move(young_);
      young_.clear();
      bytes_ = bytes;
    }
    return &young_.insert_or_assign(key, std::move(value)).first->second;
  }
  void forget(const std::string& key) {
    young_.erase(key);
    old_.erase(key);
  }

 private:
  std::unordered_map<std::string, Value> young_, old_;
  std::size_t bytes_ = 0;
};

class QueryTexts {
 public:
  // A sheet with the columns query_id and query (or text): normalises the text, and gives a client's query for
  // which the server has no id the id "f" and the text's fingerprint. Bodies of functions (called_functions) are taken
  // apart into their statements first.
  void clean(Sheet& sheet);
  // The latest whole text with literals seen under this id, if any.
  std::optional<std::string> with_literals(const std::string& database, const std::string& query_id);

 private:
  struct Clean {
    std::string text, fingerprint;
    bool parsed = false;
  };
  const Clean& normalise(const std::string& raw);
  void take_apart(Sheet& sheet);

  Lately<Clean> known_;
  Lately<std::string> raw_;
  Lately<std::vector<sql::Embedded>> bodies_;
};

}  // namespace pgvigil::pg
