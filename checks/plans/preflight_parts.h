// What the rooms of the preflight share: one statement with what was seen of what it works on, and what each says of
// it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "checks/plans/advice.h"
#include "checks/plans/pasted.h"

namespace pgvigil::preflights {

using Outcome = Preflight::Outcome;

constexpr double old = 5;  // seconds: a younger transaction is gone before anybody has pasted anything

struct Part {
  Preflight::Item item;
  std::string phrase = {};  // of a wait: for what; "" is the item's figure
  bool never_ends = false;  // of a wait: not by itself
};

struct Statement {
  const Input* in = nullptr;
  const Step* step = nullptr;
  const Pasted* does = nullptr;
  const KnownTable* table = nullptr;            // null: it names none, or one that was not seen
  const Index* index = nullptr;                 // that it names
  std::string name = {};                        // of the table, qualified and quoted; "" where it names none
  std::optional<Server> server = {};            // with the settings that hold for the step
  std::map<std::string, std::string> own = {};  // settings that the step sets itself
  bool home = false;                            // in the database whose locks are seen

  bool on_table(const std::string& shown) const {  // a name, or where the name was not known the oid
    return !name.empty() && (shown == name || (table != nullptr && shown == std::to_string(table->table.oid)));
  }
};

// preflight_waits.cc
std::optional<Part> transactions(const Statement& s);  // that it has to wait for
std::optional<Part> maintenance(const Statement& s);   // builds, vacuums and changes of the table that run or queue

// preflight_room.cc
struct Build {  // what it takes to write an index or a table
  double disk = 0, temp = 0, seconds = 0;
  bool guessed = false;
  std::string unknown = {};  // why it cannot be predicted
};
std::optional<Build> build(const Statement& s);
std::vector<Part> room(const Statement& s, const Build& b);

// preflight_rules.cc
std::vector<Part> rules(const Statement& s, const std::set<std::string>& dropped);
Part limits(const Statement& s, const Part* wait, std::optional<double> seconds);

}  // namespace pgvigil::preflights
