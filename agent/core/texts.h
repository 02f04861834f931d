// Query texts on their way in: literals are stripped here, before history, report and disk.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "checks/probes/activity.h"

namespace pgvigil {

// Keeps one raw example of each hot query, for EXPLAIN only. It stays in memory and reaches no sink.
class QueryBook {
 public:
  struct Limits {
    std::size_t queries = 500;          // examples kept, the longest unused one goes first
    std::size_t text_bytes = 64 << 10;  // longer examples are not kept
    std::size_t executions = 4'000;     // texts known already, by their hash
  };
  QueryBook() = default;
  explicit QueryBook(Limits limits) : limits_(limits) {}

  // Replaces each text by its normalised form and gives it a query id where the server gave none: "f" and
  // the fingerprint. A text already seen is not parsed again. Kept is only what EXPLAIN takes: no truncated or
  // unparsable text, no utility statement (ALTER ROLE ... PASSWORD).
  void take(std::vector<Session>& sessions);

  struct Example {
    std::string text;  // with its literals
    std::string user, database;
  };
  std::optional<Example> raw(const std::string& query_id);  // counts as a use
  std::size_t size() const { return examples_.size(); }
  std::size_t parsed() const { return parsed_; }  // texts parsed so far

 private:
  struct Known {
    std::string text, fingerprint;
    bool has_plan = false;  // one statement, no utility
  };
  struct Entry {
    std::string query_id;
    Example example;
  };
  const Known& known(const Session& s);
  void keep(const Session& s, const std::string& query_id);

  Limits limits_;
  std::unordered_map<std::string, Known> texts_;  // by hash and length of the raw text
  std::list<std::string> text_order_;             // oldest first
  std::list<Entry> used_;                         // last used first
  std::unordered_map<std::string, std::list<Entry>::iterator> examples_;
  std::size_t parsed_ = 0;
};

}  // namespace pgvigil
