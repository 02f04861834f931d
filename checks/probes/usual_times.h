// What is remembered of how long each hot query takes, beyond the window: its mean time in each of some intervals.
// Never asked: made from the answers of `statements` (checks/plans/remember.h), and kept as any other answer.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct UsualTime {
  std::string database = {}, query_id = {}, user = {};
  double last_hot = 0;  // epoch seconds
  // Intervals in which it took what it usually takes, oldest first: microseconds of one execution, and executions.
  std::vector<std::int64_t> means = {}, calls = {};
  // Intervals since then in which it took much longer.
  std::vector<std::int64_t> slow_means = {}, slow_calls = {};
  std::int64_t slow_intervals = 0;        // all of them; the lists hold the newest
  std::optional<double> slow_since = {};  // epoch seconds
  // Where the interval that is not over yet began.
  double read_at = 0, read_seconds = 0;
  std::int64_t read_calls = 0;

  double median() const;   // seconds of one execution; 0 when nothing is known
  double longest() const;  // of the usual means
  double executions() const;
};

extern const Probe<UsualTime> usual_times;

}  // namespace pgvigil
