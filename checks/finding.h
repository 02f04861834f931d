// What a check says: findings, and the words they are made of.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checks/time.h"

namespace pgvigil {

enum class Severity : std::uint8_t { ok, info, warning, critical };  // how bad
enum class Role : std::uint8_t { cause, symptom, event, advice };
enum class ActBy : std::uint8_t { now, today, this_week, later };  // how soon it hurts; only "now" pages
enum class Confidence : std::uint8_t { low, medium, high };

std::string_view to_string(Severity s);
std::string_view to_string(Role r);
std::string_view to_string(ActBy a);
std::string_view to_string(Confidence c);

// What a finding is about. `name` is as a person would paste it into SQL: schema-qualified and quoted
// where it must be. An empty database means the whole server.
struct Object {
  std::string kind;  // server, database, role, table, index, query, session, probe, host
  std::string name;
  std::string database = {};
  bool operator==(const Object&) const = default;
  auto operator<=>(const Object&) const = default;
};

struct Evidence {
  std::string what;   // "plan", "rows read", "predicted temporary files"
  std::string value;  // with its unit, as a person reads it
};

// Would a step go through now? Told from what was seen already; nothing is asked for it.
struct Preflight {
  enum class Outcome : std::uint8_t { pass, unknown, wait, fail };  // unknown: could not be seen, and is no pass
  struct Item {
    std::string what;  // what was looked at: "temporary files"
    Outcome outcome = Outcome::unknown;
    std::string figure;     // "needs about 96 MB, temp_file_limit is 64 MB"; of unknown: why
    std::string todo = {};  // "" where nothing is to be done
  };
  Outcome outcome = Outcome::unknown;  // the worst of the items'
  std::string phrase;                  // the whole in one: "would fail: needs ...", "goes through now"
  std::vector<Item> items;
};
std::string_view to_string(Preflight::Outcome o);

// One thing to paste. pgvigil never runs it.
struct Step {
  std::string title;
  std::string database;       // connect here
  std::string run_as;         // role to run as: the owner's name, or "superuser"
  std::string sql;            // whole statements, each ended by a semicolon; for psql, outside a transaction
  std::string relief = {};    // "about 60 % of the load"
  std::string duration = {};  // "about 40 s on an idle server"
  std::string lock = {};      // what it blocks
  std::string undo = {};
  std::string caution = {};
  double load_relieved = 0;                 // average active sessions that this step takes away
  double minutes = 0;                       // expected duration; orders the steps with load_relieved
  bool straight_path = true;                // false: an alternative, for when the straight path is closed
  std::optional<Preflight> preflight = {};  // set by evaluate; none where there is nothing that could stand in its way
};

struct Remedy {
  enum class Kind : std::uint8_t { first_aid, cure };
  Kind kind = Kind::cure;
  std::string summary;
  std::vector<Step> steps;
};
std::string_view to_string(Remedy::Kind k);

struct Finding {
  std::string check = {};  // the check's id; set by evaluate
  Role role = Role::cause;
  Severity severity = Severity::warning;
  ActBy act_by = ActBy::now;
  Object object;
  std::string sentence;  // one lower-case sentence without a final full stop
  std::vector<Evidence> evidence = {};
  std::vector<Remedy> remedies = {};
  Confidence confidence = Confidence::medium;
  std::string basis = {};  // what the confidence rests on
  std::string fix = {};    // the cure in a few words: "index on public.documents (dump_id, path)"; "" when it has none

  // What ties findings together: a symptom is folded under a cause that explains its check.
  double load = 0;                          // average active sessions it accounts for; 0 when it carries none
  std::vector<std::string> tables = {};     // qualified names
  std::vector<std::string> queries = {};    // query ids
  std::vector<std::int64_t> sessions = {};  // pids
  std::optional<Time> since = {};           // onset, where it was seen
  bool or_earlier = false;                  // since: it was noticed then, by a sweep or a mean
};

}  // namespace pgvigil
