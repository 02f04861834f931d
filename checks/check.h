// A check says what we conclude: one pure judgement over observations, settings in, findings out.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checks/finding.h"
#include "checks/history.h"
#include "checks/probe.h"

namespace pgvigil {

// Units of settings: how the YAML writes them and the documents print them.
enum class Unit : std::uint8_t { bytes, bytes_per_second, ratio, seconds, count, per_second };
struct Bytes {
  using type = std::int64_t;
  static constexpr Unit unit = Unit::bytes;
};
struct BytesPerSecond {
  using type = double;
  static constexpr Unit unit = Unit::bytes_per_second;
};
struct Ratio {
  using type = double;
  static constexpr Unit unit = Unit::ratio;
};
struct Seconds {
  using type = double;
  static constexpr Unit unit = Unit::seconds;
};
struct Count {
  using type = double;
  static constexpr Unit unit = Unit::count;
};
struct PerSecond {
  using type = double;
  static constexpr Unit unit = Unit::per_second;
};

constexpr std::int64_t operator""_KiB(unsigned long long n) { return static_cast<std::int64_t>(n) << 10; }
constexpr std::int64_t operator""_MiB(unsigned long long n) { return static_cast<std::int64_t>(n) << 20; }
constexpr std::int64_t operator""_GiB(unsigned long long n) { return static_cast<std::int64_t>(n) << 30; }

struct SettingInfo {
  std::string_view key;
  double fallback;
  Unit unit;
  std::string_view doc;
  double clear = 1;
};

template <class U>
struct Setting {
  std::string_view key;
  typename U::type fallback;
  std::string_view doc;
  // A level that is raised at the setting's value and cleared at this multiple of it: while the check's finding fires,
  // the check sees the lower (or higher) level, so that a figure that hovers there is one incident.
  double clear = 1;
  constexpr operator SettingInfo() const { return {key, static_cast<double>(fallback), U::unit, doc, clear}; }
};

// One check's slice of the configuration.
struct CheckSettings {
  bool enabled = true;
  std::map<std::string, double, std::less<>> values = {};
};

// A query that the configuration names.
struct HotQuery {
  std::string name, database, sql;
  std::string user = {};                     // who runs it: whose search_path is used
  std::string search_path = {};              // instead, as in postgresql.conf
  std::vector<Cell> parameters = {};         // sample values of $1..$n; none of them: the plan is a generic one
  std::optional<double> max_cost = {};       // the plan may cost so much, in the planner's units
  std::optional<double> max_rows_read = {};  // ... and read so many rows in one execution
};

// Long work of the operator's own, whose progress the configuration tells how to read.
struct Migration {
  std::string name, database;          // in settings "" is the database of the conninfo, in a context it has its name
  std::string done, total;             // each a SELECT that gives one number; total may be the number itself
  std::string search_path = "public";  // as in postgresql.conf
};

// How often each cadence is asked, in seconds.
struct Intervals {
  double sample = 1, cycle = 10, sweep = 60, slow = 600;
  double of(Cadence c) const;  // diagnose: an hour, since it is asked once
};

// What the operator told us about a target, and how we look at it.
struct Context {
  std::string target;                // display name
  std::optional<double> vcpus = {};  // from the configuration, for a remote server
  bool one_shot = false;             // diagnose: claims nothing about a past it has not seen
  bool local = true;                 // the server's CPU is this machine's or this cgroup's
  std::vector<HotQuery> hot_queries = {};
  std::vector<Migration> migrations = {};
  Intervals intervals = {};
  std::set<std::string, std::less<>> firing = {};  // checks whose findings alert now
};

template <class Row>
struct Snapshot {
  Time at;
  std::span<const Row> rows;
};

// All that a check may see.
class Input {
 public:
  Input(const History& history, const Context& context, const CheckSettings& settings, Time at, bool firing = false)
      : history_(&history), context_(&context), settings_(&settings), at_(at), firing_(firing) {}

  Time at() const { return at_; }
  const Context& context() const { return *context_; }
  const History& history() const { return *history_; }

  template <class U>
  typename U::type operator[](const Setting<U>& s) const {
    const auto it = settings_->values.find(s.key);
    const auto value = it == settings_->values.end() ? s.fallback : static_cast<typename U::type>(it->second);
    return firing_ && s.clear != 1 ? static_cast<typename U::type>(static_cast<double>(value) * s.clear) : value;
  }

  // The newest answer with rows that is not older than three of the probe's intervals: one lost sample blinds
  // nobody, a probe that keeps failing does. Null when there is none.
  const Answer* seen(const AnyProbe& probe) const;
  // Its rows; empty when there is no such answer.
  template <class Row>
  std::span<const Row> now(const Probe<Row>& probe) const {
    const Answer* a = seen(probe);
    return a == nullptr ? std::span<const Row>() : typed<Row>(*a);
  }
  // Every answer with rows not older than `seconds`, oldest first.
  template <class Row>
  std::vector<Snapshot<Row>> series(const Probe<Row>& probe, double seconds) const {
    std::vector<Snapshot<Row>> all;
    for (const Answer& a : history_->series(probe))
      if (a.rows && seconds_between(a.at, at_) <= seconds) all.push_back({a.at, typed<Row>(a)});
    return all;
  }
  // Growth per second of a counter of this row, over the answers of the last `seconds` (at least two answers). None
  // before a second answer, after a reset, when the row is new, and across a gap of more than three of the probe's
  // intervals: what grew while nobody looked says nothing about now.
  template <class Row, class T>
  std::optional<double> rate(const Probe<Row>& probe, const Row& row, T Row::*member, double seconds = 60) const {
    const auto& all = history_->series(probe);
    const Answer* newest = seen(probe);
    const Row* base = nullptr;
    double span = 0;
    const double gap = std::max(seconds, 3 * context_->intervals.of(probe.about().cadence) + 3);
    const std::string key = probe.key(row);
    for (auto it = all.rbegin(); it != all.rend() && newest != nullptr; ++it) {
      const double age = seconds_between(it->at, newest->at);
      if (!it->rows || age < 0.2) continue;
      if (age > (base != nullptr ? seconds : gap)) break;
      const Row* then = static_cast<const RowsOf<Row>&>(*it->rows).find(key);
      if (then == nullptr || as_number(then->*member) > as_number(row.*member)) break;  // new, or reset
      base = then;
      span = age;
    }
    if (base == nullptr || !std::isfinite(as_number(row.*member))) return std::nullopt;
    return (as_number(row.*member) - as_number(base->*member)) / span;
  }

 private:
  template <class Row>
  static std::span<const Row> typed(const Answer& a) {
    return static_cast<const RowsOf<Row>&>(*a.rows).rows;
  }
  static double as_number(double v) { return v; }
  static double as_number(std::int64_t v) { return static_cast<double>(v); }
  template <class T>
  static double as_number(const std::optional<T>& v) {
    return v ? static_cast<double>(*v) : NAN;
  }

  const History* history_;
  const Context* context_;
  const CheckSettings* settings_;
  Time at_;
  bool firing_ = false;
};

// An example is a small made-up past. It documents the check and is its test.
struct Scenario {
  History history = {};
  Context context = {};
  Time at = Time{} + std::chrono::hours(24 * 20'000);

  // `ago` seconds before `at`.
  template <class Row>
  Scenario& saw(double ago, const Probe<Row>& probe, std::vector<Row> rows) {
    Observation o{pgvigil::after(at, -ago), {}};
    o.answers[std::string(probe.id())] = Answer{o.at, probe.rows(std::move(rows)), {}, 0};
    history.add(std::move(o));
    return *this;
  }
  Scenario& failed(double ago, const AnyProbe& probe, Failure failure);
};

struct Example {
  std::string_view title;
  Scenario (*make)();
  std::vector<Severity> expect;  // of the findings, in order; empty: stays quiet
};

struct ProbeRef {
  ProbeRef(const AnyProbe& p) : probe(&p) {}
  const AnyProbe* probe;
};

struct Check {
  std::string_view id;     // file stem, YAML key, metric label, docs page, alert name
  std::string_view title;  // "Large table without an index"
  std::string_view why;    // what it does to the users, in a sentence or two
  Role role = Role::cause;
  std::string_view family = {};                 // causes of one family are one incident; "": its own
  std::vector<std::string_view> explains = {};  // ids of checks whose findings this one accounts for
  std::vector<ProbeRef> reads = {};             // one that failed makes the check "unknown"
  std::vector<ProbeRef> may_read = {};          // sharpens the judgement; its failure only lowers confidence
  std::vector<SettingInfo> settings = {};
  std::vector<Finding> (*evaluate)(const Input&) = nullptr;
  std::string (*fine)(const Input&) = nullptr;  // "ruled out": the figure, when nothing was found; "" says nothing
  std::vector<Example> examples = {};           // at least one fires and one stays quiet
};

// All checks, in the order of their file names; the table is generated by CMake.
const std::vector<const Check*>& all_checks();
const Check* find_check(std::string_view id);

}  // namespace pgvigil
