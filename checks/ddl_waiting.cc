#include <fmt/format.h>

#include <algorithm>

#include "checks/blocking.h"
#include "checks/blocking_examples.h"
#include "checks/blocking_words.h"
#include "checks/check.h"
#include "checks/load.h"
#include "checks/relation_names.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

// "ACCESS EXCLUSIVE", as people know it from the manual.
std::string mode_in_words(std::string_view mode) {
  std::string out;
  for (const char c : mode.substr(0, mode.size() - (mode.ends_with("Lock") ? 4 : 0))) {
    if (c >= 'A' && c <= 'Z' && !out.empty()) out += ' ';
    out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return out;
}

std::string head_in_words(const BlockingTree& t, const Waiter& change) {
  const bool root = change.behind == t.root_pid || std::any_of(t.beside.begin(), t.beside.end(), [&](const Session* s) {
                      return s->pid == change.behind;
                    });
  return root ? root_in_words(t) : fmt::format("pid {}", change.behind);
}

std::vector<Remedy> remedies(const BlockingTree& t, const Waiter& change) {
  Step stop = end_session(*change.session, t.waiters.size() - 1, t.load);
  stop.title = "cancel the change, which is cheap: " + who(*change.session);
  stop.caution = "the change has to be tried again, with lock_timeout set";
  Remedy aid{Remedy::Kind::first_aid, "let the others pass", {std::move(stop)}};
  for (Step& reader : end_roots(t)) {
    reader.title = "or, if the change matters more, " + reader.title;
    reader.straight_path = false;
    aid.steps.push_back(std::move(reader));
  }
  Step retry{
      .title = "change it again so that it gives up before others queue up behind it, and try until it gets through",
      .database = change.session->database,
      .run_as = change.session->user,
      .sql = "SET lock_timeout = '2s';"};
  retry.duration = "at once";
  retry.lock = "none; the change itself locks the table, for two seconds at most while it waits";
  retry.undo = "RESET lock_timeout;";
  retry.caution = "in the session of the change, before: " + words::one_line(change.session->query, 200);
  return {std::move(aid), {Remedy::Kind::cure, "changes of tables that do not wait for long", {std::move(retry)}}};
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  const double active = load(in, 30).active;
  for (const BlockingTree& t : blocking_trees(in)) {
    const Waiter* change = t.change_in_front();
    const auto harm = queue_harm(in, t, active);
    if (change == nullptr || !harm || t.is_handed_on()) continue;
    const Session& s = *change->session;
    const std::string& table = change->relation;
    const std::string on = !table.empty()                                               ? words::one_line(table)
                           : change->lock != nullptr && !change->lock->relation.empty() ? without_name(*change->lock)
                                                                                        : "a table";
    const double behind = static_cast<double>(t.waiters.size() - 1);
    Finding f;
    f.severity = Severity::info;
    f.act_by = ActBy::later;
    f.object =
        table.empty() ? Object{"session", std::to_string(s.pid), s.database} : Object{"table", table, s.database};
    f.sentence = fmt::format(
        "a change of {} waits behind {}, and {} behind the change: {}", on, head_in_words(t, *change),
        words::counted(behind, "session") + (behind == 1 ? " waits" : " wait"), words::one_line(s.query, 80));
    f.confidence = change->lock == nullptr ? Confidence::medium : Confidence::high;
    f.basis = change->lock == nullptr ? "who waits for whom, and the statement's text"
                                      : "pg_locks: the lock it wants, and who stands behind it";
    f.fix = fmt::format("cancel pid {} and try again with lock_timeout", s.pid);
    tell_queue(in, t, *harm, f);
    f.evidence.push_back(
        {"the change",
         fmt::format("{}, waiting for {}{}: {}", who(s), words::duration(change->waited),
                     change->lock == nullptr ? std::string()
                                             : fmt::format(" for {} on {}", mode_in_words(change->lock->mode), on),
                     words::one_line(s.query, 200))});
    f.evidence.push_back({"waits for", head_in_words(t, *change)});
    if (t.root != nullptr && !t.root->query.empty())
      f.evidence.push_back({is_idle_in_transaction(*t.root) ? "whose last statement was" : "which runs",
                            words::one_line(t.root->query, 200)});
    tell_waiters(t, f);
    f.remedies = remedies(t, *change);
    found.push_back(std::move(f));
  }
  return found;
}

std::string fine(const Input& in) {
  for (const BlockingTree& t : blocking_trees(in))
    if (const Waiter* change = t.change_in_front())
      return fmt::format("a change of a table has waited for {}, nobody behind it for long",
                         words::duration(change->waited));
  return "no session queues behind a change of a table";
}

Scenario queue(int waiters, double age, int others = 0, bool change = true, bool locks = true) {
  return blocking_examples::queue({.waiters = waiters,
                                   .age = age,
                                   .state = "active",
                                   .others = others,
                                   .change = change,
                                   .held = 30,
                                   .root_query = "SELECT count(*) FROM accounts",
                                   .locks = locks});
}

}  // namespace

extern const Check ddl_waiting;
const Check ddl_waiting{
    .id = "ddl_waiting",
    .title = "A change of a table waits, and everybody behind it",
    .why =
        "Whoever comes after a waiting ALTER TABLE waits for it too, although readers and writers would not "
        "disturb each other: one slow report and one quick migration stop the whole application.",
    .role = Role::cause,
    .explains = {"lock_queue", "connections_rising", "connections_saturated", "queries_timing_out", "load_above_cores",
                 "work_without_results", "pool_pinned", "migration_stalled"},
    .reads = {activity},
    .may_read = {lock_waits},
    .settings = {blocking::waiting, blocking::warn, blocking::one_waits, blocking::critical, blocking::critical_share},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"a report, a migration behind it, and everybody else",
                  [] { return queue(25, 8, 30); },
                  {Severity::critical}},
                 {"most of the load waits", [] { return queue(8, 6); }, {Severity::critical}},
                 {"four of many sessions wait", [] { return queue(4, 6, 12); }, {Severity::warning}},
                 {"one session waits behind it, and has for long", [] { return queue(2, 30, 6); }, {Severity::warning}},
                 {"the locks were not seen", [] { return queue(8, 6, 0, true, false); }, {Severity::critical}},
                 {"it has just been asked for", [] { return queue(2, 0.5); }, {}},
                 {"nobody stands behind it", [] { return queue(1, 30); }, {}},
                 {"rows are waited for, no table", [] { return queue(8, 6, 0, false); }, {}}},
};

}  // namespace pgvigil
