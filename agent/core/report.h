// The report: what one evaluation says, ready for every sink (metrics, alerts, page, terminal, history).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checks/check.h"
#include "checks/load.h"

namespace pgvigil {

// One check's outcome.
struct Result {
  const Check* check = nullptr;
  std::vector<Finding> findings = {};
  std::optional<Failure> unknown = {};  // could not be judged, and why
  std::string fine = {};                // the figure, when nothing was found
};

// A cause with what it explains. A symptom that nothing explains leads its own incident.
struct Incident {
  std::vector<Finding> causes;    // the leading one first; more of the same kind behind it (four tables, one incident)
  std::vector<Finding> symptoms;  // explained by the causes; among them the causes that these explain
  std::vector<Finding> events;    // started within two minutes of it
  bool explained = true;          // false: a symptom leads, its cause is not known
  std::vector<std::string> suspects = {};  // then: what stands nearest, with its figure
  Severity severity = Severity::warning;
  ActBy act_by = ActBy::now;
  double load = 0;   // average active sessions
  double share = 0;  // of all load, 0..1
  std::optional<Time> since = {};
  const Finding& lead() const { return causes.front(); }
};

struct RuledOut {
  std::string check, title, figure;
};
struct BlindSpot {
  std::string what, why, mend;
  std::vector<std::string> checks;
};

// Where the time of active sessions goes, as average active sessions.
struct LoadLine {
  double active = 0, on_cpu = 0, lock = 0, io = 0, client = 0, other = 0;
  std::optional<double> vcpus = {};
  double seconds = 0;
  std::size_t samples = 0;
  std::string top_wait = {};           // what most of `other` waits for: "LWLock:BufferMapping"
  std::vector<TableLoad> tables = {};  // that most active sessions work on
  struct Query {
    std::string database, id;
    double sessions = 0;
  };
  std::vector<Query> queries = {};  // that carry most of it and have an id
};

struct OwnCost {
  int connections = 0;
  double db_seconds = 0;  // wall time of our statements in the server
  std::int64_t statements = 0, bytes = 0;
  double seconds = 0;                                         // over which this was counted
  std::int64_t explains = 0;                                  // EXPLAINs that were tried
  std::map<std::string, std::int64_t> explain_failures = {};  // of these without a plan, by reason
};

// One difference between then and now.
struct Change {
  std::string kind;  // appeared, gone, grew, shrank, changed, load
  Object object;
  std::string sentence;
  std::string before = {}, after = {};  // the figures; "" where there is none
};
struct Changes {
  Time since{};
  std::vector<Change> all;           // what matters most first
  std::vector<std::string> unknown;  // what could not be compared, and why
};

struct Report {
  std::string target;
  Time at{};
  bool reachable = true;
  std::string version;  // "15.20"; "" when unknown
  bool in_recovery = false;
  Severity verdict = Severity::ok;  // from findings about live harm: act_by now or today
  bool partial = false;             // something that could change the verdict was not seen
  std::string headline;             // one sentence; the second line of every form
  std::string reason;               // the rest of the answer in a sentence: columns, remedy
  std::vector<Incident> incidents;  // worst first
  std::vector<Finding> events;      // beside no incident
  std::vector<Finding> posture;     // act_by this week or later, and advice
  std::vector<RuledOut> ruled_out;
  std::vector<BlindSpot> blind_spots;
  LoadLine load;
  std::optional<double> connections_used, connections_max;
  std::optional<double> cpu_busy;  // 0..1
  std::string cpu_source;          // host, cgroup, processes; "" when unknown
  std::vector<std::string> harm;   // to the users: "40 % of the transactions in shop roll back (12/s)"
  OwnCost cost;
  std::string past = {};                // "": it tells of now; else of when, and where that is known from
  std::optional<Changes> changes = {};  // where they were asked for
  std::vector<Result> results;          // every check, in catalogue order
};

}  // namespace pgvigil
