#include "checks/locking_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "checks/blocking_words.h"
#include "checks/probes/index_builds.h"
#include "checks/probes/long_commands.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

struct Kind {
  std::string_view begins, what, stops, next_time;
  std::string_view instead = {};  // of `begins`, where the rest of the text stays as it is
};

constexpr Kind kinds[] = {
    {"CREATE INDEX", "CREATE INDEX without CONCURRENTLY", "every writer of the table",
     "CREATE INDEX CONCURRENTLY lets writers go on; it takes about twice as long, outside of a transaction",
     "CREATE INDEX CONCURRENTLY"},
    {"CREATE UNIQUE INDEX", "CREATE UNIQUE INDEX without CONCURRENTLY", "every writer of the table",
     "CREATE UNIQUE INDEX CONCURRENTLY lets writers go on; it takes about twice as long, outside of a transaction",
     "CREATE UNIQUE INDEX CONCURRENTLY"},
    {"REINDEX", "REINDEX without CONCURRENTLY", "every writer of the table, and readers that would use the index",
     "REINDEX ... CONCURRENTLY lets readers and writers go on; it takes about twice as long"},
    {"VACUUM", "VACUUM FULL", "every reader and writer of the table",
     "plain VACUUM lets everybody go on and makes the space usable again; pg_repack gives it back to the disk with "
     "short locks"},
    {"CLUSTER", "CLUSTER", "every reader and writer of the table",
     "pg_repack orders a table with short locks; else CLUSTER where nobody works"},
    {"REFRESH MATERIALIZED VIEW", "REFRESH MATERIALIZED VIEW without CONCURRENTLY", "every reader of the view",
     "REFRESH MATERIALIZED VIEW CONCURRENTLY lets readers go on; it needs a unique index on the view",
     "REFRESH MATERIALIZED VIEW CONCURRENTLY"},
    {"ALTER TABLE", "ALTER TABLE", "every reader and writer of the table",
     "what reads or rewrites the whole table is done in steps: a constraint as NOT VALID and then VALIDATE CONSTRAINT, "
     "another type as a new column that is filled in batches"},
    {"TRUNCATE", "TRUNCATE", "every reader and writer of the table",
     "TRUNCATE last, right before the commit, with lock_timeout set; or DELETE in batches"},
};

std::string upper(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool blank = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (blank && (out.empty() || out.back() == ' ')) continue;
    out += blank ? ' ' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return out;
}

bool contains(std::string_view text, std::string_view word) { return text.find(word) != std::string_view::npos; }

const Kind* kind_of(std::string_view query) {
  const std::string text = upper(query.substr(0, 400));
  if (contains(text.substr(0, 120), " CONCURRENTLY")) return nullptr;
  for (const Kind& k : kinds)
    if (text.starts_with(k.begins)) return k.begins == "VACUUM" && !contains(text.substr(0, 60), "FULL") ? nullptr : &k;
  return nullptr;
}

// At the pace seen between two looks; of one look, at the pace since it began.
template <class Row>
void note_progress(const Input& in, const Probe<Row>& probe, const Row& r, std::int64_t Row::*counter, double total,
                   LockingCommand& c) {
  const double done = static_cast<double>(r.*counter);
  c.progress = words::one_line(r.phase, 60);
  if (total <= 0) return;
  c.progress += fmt::format("{}{} done", c.progress.empty() ? "" : ", ", words::share(std::min(1.0, done / total)));
  const auto seen = in.rate(probe, r, counter);
  const double pace = seen && *seen > 0 ? *seen : r.age > 0 ? done / r.age : 0;
  if (pace > 0) c.left = std::max(0.0, total - done) / pace;
}

void look_for_progress(const Input& in, const Session& s, LockingCommand& c) {
  for (const IndexBuild& b : in.now(index_builds)) {
    if (b.pid != s.pid) continue;
    if (b.tuples_total > 0)
      note_progress(in, index_builds, b, &IndexBuild::tuples_done, static_cast<double>(b.tuples_total), c);
    else
      note_progress(in, index_builds, b, &IndexBuild::blocks_done, static_cast<double>(b.blocks_total), c);
  }
  for (const LongCommand& l : in.now(long_commands))
    if (l.pid == s.pid) note_progress(in, long_commands, l, &LongCommand::done, static_cast<double>(l.total), c);
}

// Literals were taken out of the text: what held some cannot be pasted.
std::string in_other_form(const Kind& k, const Session& s) {
  if (k.instead.empty() || s.truncated || contains(s.query, "$") || contains(s.query, ";")) return {};
  std::size_t end = 0;
  for (const char c : k.begins) {
    if (c == ' ') {
      while (end < s.query.size() && std::isspace(static_cast<unsigned char>(s.query[end])) != 0) ++end;
      continue;
    }
    ++end;
  }
  return fmt::format("{}{};", k.instead, s.query.substr(std::min(end, s.query.size())));
}

}  // namespace

std::optional<LockingCommand> locking_command(const Input& in, const Session& s) {
  if (s.state != "active" || s.backend_type != "client backend" || !s.blocked_by.empty()) return std::nullopt;
  const Kind* k = kind_of(s.query);
  if (k == nullptr) return std::nullopt;
  LockingCommand c{std::string(k->what), std::string(k->stops), std::string(k->next_time), in_other_form(*k, s)};
  look_for_progress(in, s, c);
  return c;
}

std::vector<Remedy> remedies(const LockingCommand& c, const Session& s, std::size_t waiters, double load) {
  Step cancel = end_session(s, waiters, load);
  cancel.title = "cancel it, unless its end is near: " + who(s);
  cancel.caution = "what it has done so far is lost, and the command has to be run again";
  const std::string end = c.left ? fmt::format("about {} left, if it goes on at this pace", words::duration(*c.left))
                                 : "how long it still takes is not known";
  Remedy aid{Remedy::Kind::first_aid, fmt::format("let it end ({}), or cancel it", end), {std::move(cancel)}};
  Remedy cure{Remedy::Kind::cure, "the next time: " + c.next_time, {}};
  if (!c.sql.empty()) {
    Step again{.title = "after it was cancelled, run it so that the others go on",
               .database = s.database,
               .run_as = s.user,
               .sql = c.sql};
    again.lock = "none that stops readers or writers";
    again.caution = "outside of a transaction; if it fails, DROP INDEX what it leaves INVALID";
    if (!contains(c.sql, "INDEX")) again.caution.clear();
    cure.steps.push_back(std::move(again));
  }
  return {std::move(aid), std::move(cure)};
}

}  // namespace pgvigil
