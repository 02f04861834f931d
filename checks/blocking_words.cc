#include "checks/blocking_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "checks/plans/sql.h"
#include "checks/relation_names.h"
#include "checks/words.h"

namespace pgvigil {

bool is_idle_in_transaction(const Session& s) { return s.state.starts_with("idle in transaction"); }

std::string who(const Session& s) {
  const std::string application = s.application.empty() ? "no application name" : words::one_line(s.application, 63);
  return fmt::format("pid {} ({}, role {})", s.pid, application, words::one_line(s.user, 63));
}

std::string what_it_does(const Session& s) {
  if (is_idle_in_transaction(s))
    return fmt::format("idle in transaction for {}", words::duration(s.state_age.value_or(0)));
  if (s.state.empty()) return "hidden from us";
  return fmt::format("running for {}", words::duration(s.query_age.value_or(0)));
}

namespace {
std::string first_root(const BlockingTree& t) {
  if (t.root_pid == 0) return "a prepared transaction";
  if (t.root != nullptr) return fmt::format("{}, {}", who(*t.root), what_it_does(*t.root));
  if (t.holds == nullptr || t.holds->state.empty()) return fmt::format("pid {}", t.root_pid);
  return fmt::format("pid {} ({}, role {}), {} for {}", t.root_pid,
                     t.holds->application.empty() ? "no application name" : words::one_line(t.holds->application, 63),
                     words::one_line(t.holds->user, 63), words::one_line(t.holds->state, 40),
                     words::duration(t.holds->state_age.value_or(0)));
}

std::string also(const Session& s) { return fmt::format("{}, {}", who(s), what_it_does(s)); }
}  // namespace

std::string root_in_words(const BlockingTree& t) {
  std::string text = first_root(t);
  for (const Session* s : t.beside) text += ", and " + also(*s);
  return text;
}

std::string beside_in_words(const BlockingTree& t) {
  std::string text;
  for (const Session* s : t.beside) text += (text.empty() ? "; " : ", and ") + also(*s);
  return text.empty() ? text : text + (t.beside.size() == 1 ? ", holds them up as well" : ", hold them up as well");
}

std::string end_in_words(const BlockingTree& t) {
  std::string text = fmt::format("end pid {}", t.root_pid);
  for (const Session* s : t.beside) text += fmt::format(" and pid {}", s->pid);
  return text;
}

std::string in_queue(double waits, std::string_view lock) {
  return fmt::format("{} {} for {}", words::counted(waits, "session"), words::count(waits) == "1" ? "waits" : "wait",
                     lock);
}

Step end_session(const Session& s, std::size_t waiters, double load) {
  // A statement that waits for its client to read may not hear that it is cancelled.
  const bool idle = is_idle_in_transaction(s), deaf = s.wait_event == "ClientWrite", ends = idle || deaf;
  Step step{
      .title = ends ? fmt::format("end the session: {}", who(s)) : fmt::format("cancel the statement: {}", who(s)),
      .database = s.database,
      .run_as = "superuser",
      .sql = fmt::format("SELECT pg_catalog.{}(pid) FROM pg_catalog.pg_stat_activity\n WHERE pid = {} AND state = {} "
                         "AND usename = {}\n   AND xact_start < pg_catalog.now() - interval '{:.0f} seconds';",
                         ends ? "pg_terminate_backend" : "pg_cancel_backend", s.pid, words::literal(s.state),
                         words::literal(s.user), std::floor(std::max(0.0, s.transaction_age.value_or(0))))};
  if (waiters > 0)
    step.relief =
        fmt::format("{} {} on", words::counted(static_cast<double>(waiters), "session"), waiters == 1 ? "goes" : "go");
  step.duration = "at once";
  step.lock = "none";
  step.caution =
      idle   ? "its transaction is rolled back: whatever it has written since it began is lost"
      : deaf ? "its client has stopped reading, and a cancel may not be heard then; its transaction is rolled back"
             : "its statement fails, and its transaction with it";
  step.load_relieved = load;
  return step;
}

std::vector<Step> end_roots(const BlockingTree& t) {
  std::vector<const Session*> all = t.beside;
  if (t.root != nullptr) all.insert(all.begin(), t.root);
  std::vector<Step> steps;
  for (const Session* s : all) {
    if (s->backend_type != "client backend") continue;
    steps.push_back(end_session(*s, t.waiters.size(), t.load));
    if (all.size() > 1) steps.back().relief += fmt::format(" once all {} that hold them up are ended", all.size());
  }
  return steps;
}

Remedy limit_idle_transactions(const Session& s) {
  const std::string role = sql::quote_identifier(s.user);
  Step limit{.title = fmt::format("let the server end transactions of {} that sit idle", s.user),
             .database = s.database,
             .run_as = "superuser",
             .sql = fmt::format("ALTER ROLE {} SET idle_in_transaction_session_timeout = '60s';", role)};
  limit.duration = "at once, for new sessions";
  limit.lock = "none";
  limit.undo = fmt::format("ALTER ROLE {} RESET idle_in_transaction_session_timeout;", role);
  limit.caution = "longer than the longest pause the application makes on purpose; the cure is to commit sooner";
  return {Remedy::Kind::cure, "a limit for idle transactions", {std::move(limit)}};
}

void tell_waiters(const BlockingTree& t, Finding& f) {
  constexpr std::size_t shown = 6;
  for (std::size_t i = 0; i < std::min(shown, t.waiters.size()); ++i) {
    const Waiter& w = t.waiters[i];
    const Session& s = *w.session;
    const std::string wanted =
        w.lock == nullptr || w.lock->relation.empty()
            ? s.wait_event
            : fmt::format("{} on {}", w.lock->locktype,
                          w.relation.empty() ? without_name(*w.lock) : words::one_line(w.relation));
    f.evidence.push_back(
        {w.behind == 0 ? "waits behind a prepared transaction" : fmt::format("waits behind {}", w.behind),
         fmt::format("{} for {} ({}): {}", who(s), words::duration(w.waited), wanted, words::one_line(s.query, 160))});
  }
  if (t.waiters.size() > shown)
    f.evidence.push_back({"and", words::counted(static_cast<double>(t.waiters.size() - shown), "more session")});
}

void tell_queue(const Input& in, const BlockingTree& t, const QueueHarm& harm, Finding& f) {
  f.severity = std::max(f.severity, harm.severity);
  f.act_by = std::min(f.act_by, harm.act_by);
  f.load = t.load;
  f.tables = t.tables();
  for (const Waiter& w : t.waiters) {
    f.sessions.push_back(w.session->pid);
    if (std::find(f.queries.begin(), f.queries.end(), w.session->query_id) == f.queries.end())
      f.queries.push_back(w.session->query_id);
  }
  if (t.root_pid != 0) f.sessions.push_back(t.root_pid);
  for (const Session* s : t.beside) f.sessions.push_back(s->pid);
  if (!in.context().one_shot) f.since = after(in.at(), -std::max(t.longest, t.siege ? t.siege->seconds : 0));
  f.evidence.push_back(
      {"waiting", fmt::format("{}, the longest for {}; {} of the load", words::counted(harm.waits, "session"),
                              words::duration(t.longest), words::share(harm.share))});
  if (t.siege)
    f.evidence.push_back({"gave up", fmt::format("{} within {}, and {} on average",
                                                 words::counted(static_cast<double>(t.siege->gave_up), "wait"),
                                                 words::duration(t.siege->seconds), in_queue(t.siege->waiting))});
  for (const Session* s : t.beside)
    f.evidence.push_back({"holds them up as well", also(*s) + ": " + words::one_line(s->query, 200)});
}

}  // namespace pgvigil
