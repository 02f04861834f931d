#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "checks/check.h"
#include "checks/load.h"
#include "checks/plans/sql.h"
#include "checks/probes/databases.h"
#include "checks/probes/index_builds.h"
#include "checks/probes/server.h"
#include "checks/probes/statement_texts.h"
#include "checks/probes/statements.h"
#include "checks/probes/temp_files.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<BytesPerSecond> warn{"warn", 50 << 20, "temporary bytes written per second from which it warns", 0.9};
constexpr Setting<Seconds> window{"window", 30, "the rate is taken over this time"};

// A process with temporary files, and what it runs. The counter of the database moves only when a file is closed:
// a report that spills for an hour is seen here, by the size of its files over the age of its statement.
struct Writer {
  std::int64_t pid = 0;
  double bytes = 0, rate = 0;
  const Session* session = nullptr;
};

// Building an index sorts in files by design; temp_limit_near and index_build_running watch over it.
bool builds_in(const Input& in, const std::string& database) {
  for (const auto& answer : in.series(index_builds, in[window] + 15))
    for (const IndexBuild& b : answer.rows)
      if (b.database == database) return true;
  return false;
}

std::vector<Writer> writers(const Input& in) {
  std::map<std::int64_t, const Session*> by_pid;
  for (const Session& s : in.now(activity)) by_pid.emplace(s.pid, &s);
  std::map<std::int64_t, Writer> all;
  for (const TempFiles& t : in.now(temp_files)) {
    const auto own = by_pid.find(t.pid);
    const bool worker = own != by_pid.end() && own->second->leader_pid;
    const std::int64_t lead = worker ? *own->second->leader_pid : t.pid;
    const auto builds = in.now(index_builds);
    if (std::any_of(builds.begin(), builds.end(), [&](const IndexBuild& b) { return b.pid == lead; })) continue;
    Writer& w = all[lead];
    w.pid = lead;
    w.bytes += static_cast<double>(t.bytes);
    if (const auto s = by_pid.find(lead); s != by_pid.end()) w.session = s->second;
    const auto grows = in.rate(temp_files, t, &TempFiles::bytes, in[window]);
    const double age = w.session != nullptr ? w.session->query_age.value_or(0) : 0;
    // Files of a moment's age say nothing yet about a rate that lasts.
    w.rate +=
        std::max(grows.value_or(0), age >= 1 ? static_cast<double>(t.bytes) / std::max(age, in[window] / 3) : 0.0);
  }
  std::vector<Writer> out;
  for (auto& [pid, w] : all) out.push_back(w);
  std::stable_sort(out.begin(), out.end(), [](const Writer& a, const Writer& b) { return a.bytes > b.bytes; });
  return out;
}

struct Spill {
  double closed = 0, flying = 0;  // bytes per second
  std::string database = {};      // that writes most
  double rate() const { return std::max(closed, flying); }
};

Spill spill(const Input& in, std::span<const Writer> all) {
  Spill out;
  double most = 0;
  for (const Database& d : in.now(databases)) {
    const double r = in.rate(databases, d, &Database::temp_bytes, in[window]).value_or(0);
    if (r > 0 && builds_in(in, d.name)) continue;
    out.closed += r;
    if (r > most) most = r, out.database = d.name;
  }
  for (const Writer& w : all) {
    out.flying += w.rate;
    if (out.database.empty() && w.session != nullptr) out.database = w.session->database;
  }
  return out;
}

// Queries that finished, by the temporary blocks they wrote; needs pg_stat_statements.
std::vector<std::pair<double, const Statement*>> finished(const Input& in) {
  std::vector<std::pair<double, const Statement*>> out;
  for (const Statement& s : in.now(statements))
    if (const auto r = in.rate(statements, s, &Statement::temp_blocks_written, 120); r && *r > 0)
      out.emplace_back(*r * 8192, &s);
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  return out;
}

Remedy cancel(const Writer& w, const Session& s) {
  Step step{.title = fmt::format("cancel the statement of pid {}", w.pid),
            .database = s.database,
            .run_as = s.user,
            .sql = fmt::format("SELECT pg_catalog.pg_cancel_backend(pid) FROM pg_catalog.pg_stat_activity WHERE pid "
                               "= {} AND state = 'active' AND query_start < pg_catalog.to_timestamp({:.0f});",
                               w.pid, std::ceil(s.query_start) + 1)};
  step.relief = fmt::format("gives back {} of disk, and stops {}", words::bytes(w.bytes), words::bytes_rate(w.rate));
  step.duration = "at once";
  step.caution = "its work so far is lost, and its transaction is rolled back";
  step.load_relieved = 1;
  return {Remedy::Kind::first_aid, "cancel the statement that writes most", {std::move(step)}};
}

// Of a statement that writes so many bytes at a time.
Remedy cure(const Input& in, const std::string& user, const std::string& database, double bytes) {
  // Rows take more room in memory than in a file; a quarter of shared_buffers for one sort is as far as advice goes.
  const double wanted = std::exp2(std::ceil(std::log2(std::max(4.0, 2 * bytes / 1048576))));
  const auto servers = in.now(server);
  const double most = servers.empty() || servers.front().shared_buffers <= 0
                          ? 64
                          : std::max(64.0, static_cast<double>(servers.front().shared_buffers) / 4 / 1048576);
  Remedy cure{Remedy::Kind::cure,
              "let it sort or hash less: select fewer rows or columns, or give it an index in the order it sorts by",
              {}};
  if (wanted <= most) {
    cure.summary = "give its role the memory that this sort or hash needs";
    Step more{.title = "raise work_mem for its role in this database",
              .database = database,
              .run_as = user,
              .sql = fmt::format("ALTER ROLE {} IN DATABASE {} SET work_mem = '{:.0f}MB';", sql::quote_identifier(user),
                                 sql::quote_identifier(database), wanted)};
    more.caution = "for new sessions; each sort or hash of each process may take as much";
    more.undo = fmt::format("ALTER ROLE {} IN DATABASE {} RESET work_mem;", sql::quote_identifier(user),
                            sql::quote_identifier(database));
    cure.steps.push_back(std::move(more));
  } else {
    const double some = std::min(wanted, 1024.0);
    Step more{.title = "or raise work_mem for this statement alone, in the session that runs it",
              .database = database,
              .run_as = user,
              .sql = fmt::format("SET work_mem = '{:.0f}MB';", some)};
    more.caution = wanted > some
                       ? "it will still spill, in fewer passes; each sort or hash of each process may take as much"
                       : "must fit the host's free memory: each sort or hash of each process may take as much";
    more.undo = "RESET work_mem;";
    more.straight_path = false;
    cure.steps.push_back(std::move(more));
  }
  return cure;
}

// As sessions show it, else as pg_stat_statements does; "" where neither has it.
std::string text_of(const Input& in, const Load& l, std::string_view database, std::string_view query_id) {
  for (const QueryLoad& q : l.queries)
    if (q.query_id == query_id && q.database == database) return q.query;
  for (const auto& answer : in.series(statement_texts, in.history().keep_seconds))
    for (const StatementText& t : answer.rows)
      if (t.query_id == query_id && t.database == database) return t.text;
  return {};
}

std::vector<Finding> evaluate(const Input& in) {
  const auto all = writers(in);
  const Spill sp = spill(in, all);
  if (sp.rate() < in[warn]) return {};
  Finding f;
  f.role = Role::cause;
  f.severity = Severity::warning;
  f.act_by = ActBy::today;
  f.object = sp.database.empty() ? Object{"server", in.context().target}
                                 : Object{"database", sql::quote_identifier(sp.database), sp.database};
  f.sentence = fmt::format("{} of temporary files are written{}", words::bytes_rate(sp.rate()),
                           sp.database.empty() ? "" : " in " + words::one_line(sp.database, 63));
  f.evidence = {
      {"closed files", words::bytes_rate(sp.closed)},
      {"files in flight", fmt::format("{} (a lower bound: parallel work keeps more)", words::bytes_rate(sp.flying))}};
  for (const Server& s : in.now(server))
    if (s.work_mem > 0) f.evidence.push_back({"work_mem", words::bytes(static_cast<double>(s.work_mem))});
  const Load l = load(in, 60);
  bool suspected = false;
  for (const Writer& w : all) {
    if (w.session == nullptr || f.sessions.size() == 3) continue;
    f.evidence.push_back({"written by", fmt::format("pid {}, {} in files: {}", w.pid, words::bytes(w.bytes),
                                                    words::one_line(w.session->query))});
    f.sessions.push_back(w.pid);
    if (std::find(f.queries.begin(), f.queries.end(), w.session->query_id) == f.queries.end())
      f.queries.push_back(w.session->query_id);
  }
  const auto closed = finished(in);
  for (const auto& [rate, s] : closed) {
    if (f.queries.size() >= 5 || std::find(f.queries.begin(), f.queries.end(), s->query_id) != f.queries.end())
      continue;
    const std::string text = text_of(in, l, s->database, s->query_id);
    f.evidence.push_back({"written by", fmt::format("query {} in {}: {}{}", words::one_line(s->query_id, 40),
                                                    words::one_line(s->database, 63), words::bytes_rate(rate),
                                                    text.empty() ? "" : ": " + words::one_line(text))});
    f.queries.push_back(s->query_id);
  }
  std::string most_by;
  if (!closed.empty() && closed.front().first >= sp.rate() / 2)
    most_by = text_of(in, l, closed.front().second->database, closed.front().second->query_id);
  else if (!all.empty() && all.front().session != nullptr)
    most_by = all.front().session->query;
  if (!most_by.empty()) f.sentence += fmt::format("; most by: {}", words::one_line(most_by, 120));
  // Who wrote it has closed its files by now, and no statistics name it: what ran in that database meanwhile.
  if (f.queries.empty())
    for (const QueryLoad& q : l.queries) {
      if (q.query_id.empty() || q.database != sp.database || f.queries.size() == 3) continue;
      f.evidence.push_back({"ran meanwhile", fmt::format("{:.1f} sessions: {}", q.sessions, words::one_line(q.query))});
      f.queries.push_back(q.query_id);
      suspected = true;
    }
  if (suspected)
    f.sentence +=
        fmt::format("; running meanwhile: {}", words::one_line(text_of(in, l, sp.database, f.queries.front()), 120));
  for (const QueryLoad& q : l.queries)
    if (!q.query_id.empty() && std::find(f.queries.begin(), f.queries.end(), q.query_id) != f.queries.end())
      f.load += q.sessions;
  if (!all.empty()) {
    if (const Session* own = all.front().session; own != nullptr)
      f.remedies = {cancel(all.front(), *own), cure(in, own->user, own->database, all.front().bytes)};
  } else if (!closed.empty()) {
    const Statement& most = *closed.front().second;
    const double calls = in.rate(statements, most, &Statement::calls, 120).value_or(0);
    if (calls > 0 && !most.user.empty())
      f.remedies = {cure(in, most.user, most.database, closed.front().first / calls)};
  }
  f.confidence = sp.closed >= in[warn] ? Confidence::high : Confidence::medium;
  f.basis = suspected ? "the server's counter of closed temporary files; which query wrote them was not seen"
            : sp.closed >= in[warn] ? "the server's counter of closed temporary files"
                                    : "sizes of open temporary files and the ages of their statements";
  return {std::move(f)};
}

std::string fine(const Input& in) {
  const auto all = writers(in);
  return fmt::format("{} of temporary files written", words::bytes_rate(spill(in, all).rate()));
}

Scenario writing(std::int64_t closed_per_second, std::int64_t open_bytes, double age) {
  Scenario out;
  Database d;
  d.name = "shop";
  out.saw(20, databases, {d});
  d.temp_bytes = closed_per_second * 20;
  out.saw(0, databases, {d});
  Session s;
  s.pid = 812;
  s.user = "reports";
  s.database = "shop";
  s.backend_type = "client backend";
  s.state = "active";
  s.query_id = "99";
  s.query = "SELECT customer, sum(total) FROM orders GROUP BY 1 ORDER BY 2";
  s.query_age = age;
  TempFiles t;
  t.pid = 812;
  t.files = 1;
  t.bytes = open_bytes;
  return out.saw(0, activity, {s})
      .saw(0, temp_files, open_bytes > 0 ? std::vector<TempFiles>{t} : std::vector<TempFiles>{});
}

Scenario an_hour_ago() {
  Scenario out;
  Database d;
  d.name = "shop";
  out.saw(300, databases, {d});
  d.temp_bytes = 60_GiB;
  for (double ago = 240; ago >= 0; ago -= 10) out.saw(ago, databases, {d});
  return out;
}

// Each execution is short: its files are closed, and nobody writes at the moment of the look.
Scenario short_ones() {
  Scenario out = writing(90'000'000, 0, 1);
  return out.saw(0, temp_files, std::vector<TempFiles>{});
}

Scenario building() {
  Scenario out = writing(90'000'000, 2_GiB, 20);
  IndexBuild b;
  b.pid = 812;
  b.database = "shop";
  return out.saw(0, index_builds, {b});
}

}  // namespace

extern const Check temp_spill;
const Check temp_spill{
    .id = "temp_spill",
    .title = "Sorts and hashes spill to disk",
    .why =
        "What does not fit into work_mem is written to temporary files: the disk fills, its cache is swept, and all "
        "others wait for it.",
    .role = Role::cause,
    .explains = {"disk_filling", "cpu_saturated", "load_above_cores"},
    .reads = {databases},
    .may_read = {temp_files, activity, statements, statement_texts, index_builds, server},
    .settings = {warn, window},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"reports close 90 MB of files a second",
                  [] { return writing(90'000'000, 0, 3); },
                  {Severity::warning}},
                 {"one report has written 2 GB in 20 s and closed nothing",
                  [] { return writing(0, 2_GiB, 20); },
                  {Severity::warning}},
                 {"many short joins close theirs between two looks", &short_ones, {Severity::warning}},
                 {"an old statement keeps a file", [] { return writing(0, 2_GiB, 3600); }, {}},
                 {"a small sort", [] { return writing(1'000'000, 20_MiB, 2); }, {}},
                 {"an index is being built", &building, {}},
                 {"it was so four minutes ago", &an_hour_ago, {}}},
};

}  // namespace pgvigil
