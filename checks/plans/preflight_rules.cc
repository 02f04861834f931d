// What makes the server refuse a statement: a standby, the wrong role, a name that is taken, keys that are not unique,
// time limits that end it.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "checks/plans/preflight_parts.h"
#include "checks/plans/role_settings.h"
#include "checks/probes/activity.h"
#include "checks/probes/index_builds.h"
#include "checks/probes/plan_indexes.h"
#include "checks/probes/prepared_transactions.h"
#include "checks/probes/slots.h"
#include "checks/probes/timeouts.h"
#include "checks/words.h"

namespace pgvigil::preflights {
namespace {

using Kind = Pasted::Kind;

Part part(std::string what, Outcome outcome, std::string figure, std::string todo = {}) {
  return {{.what = std::move(what), .outcome = outcome, .figure = std::move(figure), .todo = std::move(todo)}};
}

std::string role_of(const Statement& s) { return s.step->run_as == "superuser" ? "" : s.step->run_as; }

Part takes_writes(const Statement& s) {
  if (!s.server) return part("writes", Outcome::unknown, "whether the server is a standby was not seen");
  if (s.server->in_recovery)
    return part("writes", Outcome::fail, "this server is a standby and takes no writes", "paste it on the primary");
  const auto own = s.own.find("default_transaction_read_only");
  const ServerSetting* set = setting_for(*s.in, "default_transaction_read_only", role_of(s), s.step->database);
  if (own == s.own.end() && set != nullptr && (set->value == "on" || set->value == "true" || set->value == "1"))
    return part("writes", Outcome::fail,
                "default_transaction_read_only is on" + (set->scope == "server" ? "" : owner_of(*set)),
                "first: SET default_transaction_read_only = off;");
  return part("writes", Outcome::pass, "a primary");
}

std::optional<Part> role(const Statement& s) {
  if (s.table == nullptr) return std::nullopt;
  const std::string& as = s.step->run_as;
  if (as == "superuser") return part("role", Outcome::pass, "a superuser may");
  if (as == s.table->table.owner)
    return part("role", Outcome::pass, fmt::format("{} owns {}", words::one_line(as, 63), words::one_line(s.name)));
  return part("role", Outcome::unknown,
              fmt::format("{} belongs to {}", words::one_line(s.name), words::one_line(s.table->table.owner, 63)),
              "run it as the owner or a superuser");
}

const IndexBuild* running(const Statement& s, const std::string& index, std::int64_t oid) {
  for (const IndexBuild& b : s.in->now(index_builds))
    if (b.database == s.step->database && (b.index == index || (oid != 0 && b.index == std::to_string(oid)))) return &b;
  return nullptr;
}

Part busy(std::string what, const std::string& index, const IndexBuild& b) {
  const double total = static_cast<double>(b.blocks_total);
  return part(
      std::move(what), Outcome::fail,
      fmt::format("{} is being built right now (pid {}, {}{})", words::one_line(index), b.pid, words::duration(b.age),
                  total > 0 ? ", " + words::share(static_cast<double>(b.blocks_done) / total) + " of this phase" : ""),
      "wait until that build is done");
}

Part name(const Statement& s, const std::set<std::string>& dropped) {
  const Pasted& p = *s.does;
  const std::string schema = sql::quote_identifier(s.table != nullptr ? s.table->table.schema : p.schema);
  const std::string full = schema + "." + sql::quote_identifier(p.index);
  if (p.index.empty()) return part("name", Outcome::pass, "the server chooses one that is free");
  if (dropped.contains(full)) return part("name", Outcome::pass, "an earlier step drops what holds it");
  const Index* taken = nullptr;
  for (const auto* probe : {&indexes, &plan_indexes})
    for (const Index& i : s.in->now(*probe))
      if (i.database == s.step->database && i.name == full) taken = &i;
  if (taken == nullptr) {
    if (s.in->seen(indexes) == nullptr || s.table == nullptr)
      return part("name", Outcome::unknown, "the table's indexes were not seen");
    return part("name", Outcome::pass,
                fmt::format("no index {} among those that were seen", words::one_line(p.index, 63)));
  }
  if (const IndexBuild* b = running(s, full, taken->oid)) return busy("name", full, *b);
  const bool invalid = !taken->is_valid || !taken->is_ready;
  return part("name", Outcome::fail,
              fmt::format("{} exists already{}{}", words::one_line(full), invalid ? ", INVALID" : "",
                          p.if_not_exists ? ": IF NOT EXISTS would skip it and report success" : ""),
              invalid ? fmt::format("drop it first: DROP INDEX CONCURRENTLY {};", full)
                      : "look whether it serves; else take another name");
}

std::optional<Part> named_index(const Statement& s) {
  const Pasted& p = *s.does;
  if (!p.names_index) return std::nullopt;
  if (s.index == nullptr) return part("index", Outcome::unknown, "it is not among the indexes that were seen");
  if (const IndexBuild* b = running(s, s.index->name, s.index->oid)) return busy("index", s.index->name, *b);
  if (p.kind == Kind::drop_index && s.index->is_constraint)
    return part("index", Outcome::fail, fmt::format("{} belongs to a constraint", words::one_line(s.index->name)),
                "REINDEX it, or drop the constraint");
  return part("index", Outcome::pass,
              fmt::format("{} is there{}", words::one_line(s.index->name), s.index->is_valid ? "" : ", INVALID"));
}

Part unique_keys(const Statement& s) {
  const std::vector<std::string>& keys = s.does->columns;
  for (const Duplicates& d : s.in->now(duplicates)) {
    if (d.database != s.step->database || d.table != s.name || d.columns.size() != keys.size() ||
        !std::is_permutation(d.columns.begin(), d.columns.end(), keys.begin()))
      continue;
    if (d.duplicate_keys > 0)
      return part("unique keys", Outcome::fail,
                  fmt::format("{} occur more than once", words::counted(static_cast<double>(d.duplicate_keys), "key")),
                  "remove the duplicates first, or build it without UNIQUE");
    const bool all = d.slices > 0 && d.slices_done == d.slices;
    return part("unique keys", all ? Outcome::pass : Outcome::unknown,
                fmt::format("no duplicates in {} of {} parts", d.slices_done, d.slices));
  }
  return part("unique keys", Outcome::unknown, "duplicate keys were not looked for",
              "pgvigil diagnose looks, while the server is not busy");
}

Part sessions(const Statement& s) {
  const std::vector<std::int64_t>& pids = s.does->pids;
  if (pids.empty()) return part("session", Outcome::pass, "it chooses its sessions when it is run");
  std::size_t there = 0;
  const Session* first = nullptr;
  for (const Session& a : s.in->now(activity))
    if (std::find(pids.begin(), pids.end(), a.pid) != pids.end()) {
      ++there;
      if (first == nullptr) first = &a;
    }
  if (first == nullptr) return part("session", Outcome::unknown, "it is idle or gone", "nothing is lost by trying");
  if (pids.size() > 1) return part("session", Outcome::pass, fmt::format("{} of {} are busy now", there, pids.size()));
  return part(
      "session", Outcome::pass,
      fmt::format("pid {} is there, {} for {}", first->pid, first->state.empty() ? "state hidden" : first->state,
                  words::duration(first->state_age.value_or(0))));
}

Part prepared(const Statement& s) {
  if (s.in->seen(prepared_transactions) == nullptr)
    return part("prepared transaction", Outcome::unknown, "prepared transactions were not seen");
  for (const PreparedTransaction& p : s.in->now(prepared_transactions)) {
    if (p.gid != s.does->text) continue;
    if (p.database != s.step->database)
      return part("prepared transaction", Outcome::fail,
                  fmt::format("it belongs to database {}", words::one_line(p.database, 63)), "connect there");
    return part("prepared transaction", Outcome::pass,
                fmt::format("prepared {} ago by {}", words::duration(p.age), words::one_line(p.owner, 63)));
  }
  return part("prepared transaction", Outcome::fail, "there is none of that name any more", "nothing is left to do");
}

Part slot(const Statement& s) {
  if (s.in->seen(slots) == nullptr) return part("slot", Outcome::unknown, "the slots were not seen");
  for (const Slot& slot : s.in->now(slots)) {
    if (slot.name != s.does->text) continue;
    if (slot.active)
      return part("slot", Outcome::fail, words::one_line(slot.name, 63) + " is in use", "stop its consumer first");
    return part("slot", Outcome::pass, words::one_line(slot.name, 63) + " is not in use");
  }
  return part("slot", Outcome::unknown, "it is not among those that were seen");
}

// "5s", "250" (ms), "0"; none where it is no time.
std::optional<double> time_setting(const std::string& value) {
  double n = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), n);
  if (error != std::errc()) return std::nullopt;
  std::string unit(end, static_cast<std::size_t>(value.data() + value.size() - end));
  unit.erase(std::remove(unit.begin(), unit.end(), ' '), unit.end());
  for (const auto& [name, factor] : {std::pair("", 0.001), {"ms", 0.001}, {"s", 1.0}, {"min", 60.0}, {"h", 3600.0}})
    if (unit == name) return n * factor;
  return std::nullopt;
}

}  // namespace

std::vector<Part> rules(const Statement& s, const std::set<std::string>& dropped) {
  const Pasted& p = *s.does;
  std::vector<Part> all;
  switch (p.kind) {
    case Kind::look:
    case Kind::set:
      return all;
    case Kind::unknown:
      return {part("statement", Outcome::unknown, "pgvigil does not know what stands in the way of it")};
    case Kind::end_session:
      return {sessions(s)};
    case Kind::drop_slot:
      return {slot(s)};
    case Kind::setting:
      if (p.words == "ALTER SYSTEM") return all;  // a file of the server's: nothing that is seen stands in its way
      break;
    default:
      break;
  }
  all.push_back(takes_writes(s));
  if (p.kind == Kind::finish_prepared) all.push_back(prepared(s));
  if (auto r = role(s)) all.push_back(std::move(*r));
  if (auto i = named_index(s)) all.push_back(std::move(*i));
  if (p.kind == Kind::create_index) all.push_back(name(s, dropped));
  if (p.kind == Kind::create_index && p.unique) all.push_back(unique_keys(s));
  return all;
}

Part limits(const Statement& s, const Part* wait, std::optional<double> seconds) {
  std::vector<std::string> told;
  Part worst = part("time limits", Outcome::pass, "");
  const auto fails = [&](Outcome outcome, std::string figure, std::string todo) {
    if (outcome > worst.item.outcome) worst = part("time limits", outcome, std::move(figure), std::move(todo));
  };
  std::vector<std::string> names{"statement_timeout", "lock_timeout"};
  if (s.server && s.server->version_num >= 170000) names.emplace_back("transaction_timeout");
  for (const std::string& name : names) {
    std::optional<double> limit;
    std::string where = " (the step sets it)";
    if (const auto own = s.own.find(name); own != s.own.end()) {
      limit = time_setting(own->second);
    } else if (s.in->seen(timeouts) == nullptr) {
      fails(Outcome::unknown, name + " of the role was not seen", fmt::format("first: SET {} = 0;", name));
      continue;
    } else {
      const auto set = limit_of(s.in->now(timeouts), name, role_of(s), s.step->database);
      limit = set ? set->seconds : 0;
      where = !set || (set->role.empty() && set->database.empty()) ? ""
              : set->role.empty() ? " in database " + words::one_line(set->database, 63)
                                  : " of role " + words::one_line(set->role, 63);
    }
    if (!limit) continue;
    if (*limit <= 0) {
      told.push_back(name + " none" + where);
      continue;
    }
    const std::string is = fmt::format("{} is {}{}", name, words::duration(*limit), where);
    told.push_back(is);
    const std::string lift = name == "lock_timeout" ? "try again until it gets through, or end what it waits for"
                                                    : fmt::format("first: SET {} = 0;", name);
    if (wait != nullptr && (name == "lock_timeout" || wait->never_ends))
      fails(Outcome::fail, is + ", and it has to wait", lift);
    else if (name != "lock_timeout" && seconds && *seconds > *limit)
      fails(Outcome::fail, fmt::format("{}, it takes about {}", is, words::duration(*seconds)), lift);
    else if (name != "lock_timeout" && !seconds)
      fails(Outcome::unknown, is + "; how long it takes is not known", lift);
  }
  if (worst.item.outcome == Outcome::pass) worst.item.figure = fmt::format("{}", fmt::join(told, ", "));
  return worst;
}

}  // namespace pgvigil::preflights
