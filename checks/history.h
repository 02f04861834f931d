// Observations, and the window of them that checks look at.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <utility>

#include "checks/probe.h"

namespace pgvigil {

// What one cycle saw: for each probe asked, rows or failures.
struct Observation {
  Time at{};
  std::map<std::string, Answer, std::less<>> answers = {};  // by probe id
};

// The past that is kept, newest last. Bounded by age, answers and rows for each probe.
class History {
 public:
  void add(Observation observation);
  const std::deque<Answer>& series(const AnyProbe& probe) const;  // empty when never asked
  const Answer* latest(const AnyProbe& probe) const;              // null when never asked
  const std::map<std::string, std::deque<Answer>, std::less<>>& all() const { return series_; }
  Time newest() const { return newest_; }
  bool empty() const { return series_.empty(); }

  double keep_seconds = 15 * 60;
  std::size_t keep_rows = 40'000;  // per probe

 private:
  std::map<std::string, std::deque<Answer>, std::less<>> series_;
  Time newest_{};
};

}  // namespace pgvigil
