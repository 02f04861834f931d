// DB load over time, as the page draws it: the last quarter of an hour sample by sample, or minutes from the history.
// Names are kept once, however many points show them.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/core/rollup.h"

namespace pgvigil {

class LoadLog {
 public:
  explicit LoadLog(double keep_seconds = 15 * 60) : keep_seconds_(keep_seconds) {}

  // The `activity` of an observation becomes a point, in any order; true when it holds one.
  bool observed(const Observation& observation);
  void add(const Minute& minute);

  bool empty() const { return points_.empty(); }
  Time oldest() const { return points_.empty() ? Time{} : points_.front().at; }
  Time newest() const { return points_.empty() ? Time{} : points_.back().at; }
  // The document of docs/api.md, in one line. `newest_only`: of the last point alone.
  std::string json(std::string_view target, std::optional<double> vcpus, double resolution, Time from, Time until,
                   bool newest_only = false) const;

 private:
  using Shares = std::vector<std::pair<std::size_t, float>>;  // by position among the names
  struct Point {
    Time at{};
    float active = 0;
    float by[5] = {};
    Shares queries = {}, waits = {}, applications = {}, users = {}, tables = {};
    bool judged = false;  // a minute: what follows is known
    std::optional<Severity> verdict = {};
    bool reachable = true;
    std::optional<double> connections = {}, connections_max = {}, cpu = {};
  };
  struct Query {
    std::string key;                  // database and id
    std::string json;                 // as the document shows it
    std::vector<std::string> tables;  // that the text names
  };

  void add(const Minute& minute, bool judged);
  std::size_t query(const Minute::Query& q);
  std::size_t keep(Query q);
  std::size_t name(std::string json);
  Shares shares(const std::vector<Part>& parts);
  std::vector<Part> tables_of(const Shares& queries) const;
  void forget();

  double keep_seconds_;
  std::deque<Point> points_;  // oldest first
  std::vector<Query> queries_;
  std::map<std::string, std::size_t> query_at_;  // by key
  std::vector<std::string> names_;               // as JSON
  std::map<std::string, std::size_t, std::less<>> name_at_;
  std::size_t forget_at_ = 256;  // names: then those that no point shows any more go
};

}  // namespace pgvigil
