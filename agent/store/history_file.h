// history.db: what the agent saw, minute by minute and in full. One process writes, others read beside it. Raw
// observations go first when there is no room; the minutes stay much longer.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/core/keep.h"
#include "agent/core/recording.h"
#include "agent/core/rollup.h"
#include "agent/store/directory.h"
#include "agent/store/sqlite.h"

namespace pgvigil {

struct HistoryLimits {
  std::int64_t max_bytes = std::int64_t{256} << 20;  // of the file and its journal together
  double keep = 7 * 86400.0;                         // seconds, of raw observations
  static constexpr double minutes_longer = 12;       // minutes and incidents are kept so many times as long
};

// What one flush writes of one target.
struct Kept {
  Context context;
  std::vector<Observation> observations = {};
  std::vector<Minute> minutes = {};
  std::vector<Moment> moments = {};
};

class HistoryFile {
 public:
  static constexpr int schema = 1;  // user_version
  static constexpr const char* name = "history.db";

  // Throws SqliteError; also for a file that a newer pgvigil wrote. Checks the file's pages.
  HistoryFile(const std::string& directory, const HistoryLimits& limits);
  // Throws SqliteError; all or nothing.
  void write(const std::vector<Kept>& all, Time now);
  bool there() const;         // the file is still the one that was opened
  std::int64_t size() const;  // bytes on the disk

 private:
  std::int64_t target_id(const Context& context);
  void write_one(const Kept& k);
  void make_room(Time now);

  std::string path_;
  HistoryLimits limits_;
  Sqlite db_;
  std::int64_t minute_bytes_ = 0;
  FileIdentity identity_;
};

// Reads it, beside a writer or without one.
class HistoryReader {
 public:
  // Throws SqliteError.
  explicit HistoryReader(const std::string& directory);

  struct TargetInfo {
    std::int64_t id = 0;
    std::string name;
    Context context;
  };
  struct Span {  // first == last == Time{} when there is nothing
    Time first{}, last{};
    bool empty() const { return last == Time{}; }
  };
  std::vector<TargetInfo> targets();  // by name
  Span raw(std::int64_t target);
  Span minutes(std::int64_t target);
  // Within [from, until], oldest first. What is damaged is left out and counted. `only`: the answers of these probes,
  // and the observations that have one.
  std::vector<Observation> observations(std::int64_t target, Time from, Time until, const ProbeIds& only = {});
  std::vector<Minute> minutes(std::int64_t target, Time from, Time until);
  std::vector<Moment> moments(std::int64_t target, Time from, Time until);
  // The newest moment with an observation that is not after `at`; Time{} when there is none.
  Time last_before(std::int64_t target, Time at);
  std::size_t damaged() const { return damaged_; }

 private:
  std::string body(Sqlite::Query& q, int column);
  std::unique_ptr<Sqlite> db_;
  std::size_t damaged_ = 0;
};

}  // namespace pgvigil
