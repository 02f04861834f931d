#include "agent/pg/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "agent/pg/flight.h"
#include "checks/plans/no_plan.h"
#include "checks/plans/reading.h"
#include "checks/plans/repair.h"
#include "checks/plans/sql.h"
#include "checks/words.h"

namespace pgvigil::pg {
namespace {

constexpr int kMostParses = 8;
constexpr std::int64_t kLargestPlan = 8LL << 20;  // bytes

// The path the query's own session would have: what is known of it ($3 before it, $2 instead of it), else as set for
// the role in the database, the role, the database, all; then PostgreSQL's default. The planner's settings are those of
// that role in that database, too.
constexpr const char* kPlanSettings = R"(
with set_ones as materialized (
  select pg_catalog.lower(pg_catalog.split_part(c, '=', 1)) as name,
         pg_catalog.substr(c, pg_catalog.strpos(c, '=') + 1) as value, s.setrole <> 0 as of_role,
         s.setdatabase <> 0 as of_database
  from pg_catalog.pg_db_role_setting s
  cross join pg_catalog.unnest(s.setconfig) c
  where s.setrole in (0, pg_catalog.to_regrole(pg_catalog.quote_ident(nullif($1::text, '')))::oid)
    and s.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())))
select pg_catalog.set_config('search_path', $3::text || pg_catalog.replace(coalesce(nullif($2::text, ''),
         (select value from set_ones where name = 'search_path' order by of_role desc, of_database desc limit 1),
         '"$user", public'),
         '"$user"', case when $1::text = '' then 'public' else pg_catalog.quote_ident($1::text) end), true),
       pg_catalog.set_config('plan_cache_mode', $4::text, true),
       (select pg_catalog.count(pg_catalog.set_config(name, value, true))
        from (select distinct on (name) name, value
              from set_ones
              where name ~ ('^(enable_.*|(seq|random)_page_cost|(cpu|parallel)_.*_cost|effective_cache_size|work_mem'
                            '|hash_mem_multiplier|(from|join)_collapse_limit|geqo.*|constraint_exclusion'
                            '|max_parallel_workers_per_gather|min_parallel_(table|index)_scan_size)$')
                and pg_catalog.current_setting(name, true) is not null
              order by name, of_role desc, of_database desc) o),
       pg_catalog.set_config('enable_partition_pruning', 'off', true), {})";

// What planning may run, and what then runs with a superuser's rights when a superuser explains: functions that are not
// volatile; any function, where an operator's selectivity is estimated by calling it; and what a domain checks, when a
// literal of an array, a row or a range of it is read.
constexpr const char* kForeignFunctions =
    "select exists (select from pg_catalog.pg_proc p join pg_catalog.pg_roles r on r.oid = p.proowner "
    "where p.provolatile <> 'v' and not r.rolsuper) "
    "or exists (select from pg_catalog.pg_operator o join pg_catalog.pg_roles r on r.oid = o.oprowner "
    "where not r.rolsuper) "
    "or exists (select from pg_catalog.pg_constraint c join pg_catalog.pg_type t on t.oid = c.contypid "
    "join pg_catalog.pg_roles r on r.oid = t.typowner where not r.rolsuper)";

// Prepared statements outlive a rollback. A pooler may keep some of its own in this session, so none is no measure.
constexpr const char* kPrepared =
    "(select pg_catalog.json_build_array(pg_catalog.count(*), pg_catalog.max(prepare_time)) "
    "from pg_catalog.pg_prepared_statement())";

// The server's messages for these name objects, never values.
constexpr std::array<std::string_view, 9> kNamesOnly{"42P01", "42703", "42883", "42501", "3F000",
                                                     "42P18", "42725", "42704", "55P03"};

// Few words, so that they can be labels.
std::string_view reason_of(std::string_view sqlstate) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 16> known{{{"42501", "privilege"},
                                                                                        {"42P01", "object_not_visible"},
                                                                                        {"3F000", "object_not_visible"},
                                                                                        {"42703", "object_not_visible"},
                                                                                        {"42704", "object_not_visible"},
                                                                                        {"42601", "syntax"},
                                                                                        {"42803", "syntax"},
                                                                                        {"42P18", "parameter_type"},
                                                                                        {"42725", "parameter_type"},
                                                                                        {"42883", "parameter_type"},
                                                                                        {"42804", "parameter_type"},
                                                                                        {"42846", "parameter_type"},
                                                                                        {"22P02", "parameter_value"},
                                                                                        {"55P03", "lock"},
                                                                                        {"57014", "timeout"},
                                                                                        {"PGV01", "timeout"}}};
  for (const auto& [state, reason] : known)
    if (sqlstate == state) return reason;
  return "other";
}

// A server says what it was given in quotes, which are those of its language (lc_messages).
std::string without_quoted(std::string message, bool to_the_end) {
  static constexpr std::array<std::string_view, 8> quotes{"\"",     "\u00ab", "\u00bb", "\u201e",
                                                          "\u201c", "\u201d", "\u300c", "\u300d"};
  auto first = std::string::npos;
  std::size_t last = 0, end = 0;
  for (const std::string_view q : quotes) {
    first = std::min(first, message.find(q));
    if (const auto at = message.rfind(q); at != std::string::npos && at >= last) last = at, end = at + q.size();
  }
  if (first == std::string::npos) return message;
  if (last == first || to_the_end) end = message.size();
  return message.replace(first, end - first, "(hidden)");
}

Explained failure(std::string sqlstate, std::string message, std::string mend = {}, std::string_view reason = {}) {
  if (std::find(kNamesOnly.begin(), kNamesOnly.end(), sqlstate) == kNamesOnly.end())
    message = without_quoted(std::move(message), sqlstate == "22021");  // bytes stand behind the name of the encoding
  Explained out;
  out.reason = reason.empty() ? reason_of(sqlstate) : reason;
  out.sqlstate = std::move(sqlstate);
  out.error = std::move(message);
  out.mend = std::move(mend);
  return out;
}
// What a function raises is worded by whoever wrote it, with what it was called with.
Explained failure(const Outcome& o) {
  const bool raised = o.in_function || o.sqlstate == "P0001";
  return failure(o.sqlstate, raised ? "an error within a function that planning runs (its text is hidden)" : o.message);
}

std::string fresh_name() {
  static std::mt19937_64 random{std::random_device{}()};
  return fmt::format("pgvigil_{:016x}", random());
}

Command savepoint(const char* sql) { return query(sql); }

// nullopt: may be sent. The parser is of version 15: what it cannot read may be newer grammar.
std::optional<Explained> refuse(const std::string& text, int version_num) {
  if (text.find('\0') != std::string::npos)  // the protocol would end it there, and another text be explained
    return failure("PGV03", "the text holds a zero byte", "", "syntax");
  const auto none = [](const NoPlan& n) { return failure("PGV03", std::string(n.error), "", std::string(n.reason)); };
  switch (sql::kind(text)) {
    case sql::Kind::utility:
      return none(utility_statement);
    case sql::Kind::several:
      return none(several_statements);
    case sql::Kind::unparsable:
      if (version_num < 160000)
        return failure("PGV03", "the text cannot be parsed (cut off, or not SQL)", "", "truncated");
      break;
    default:
      break;
  }
  return std::nullopt;
}

Command settings(const ExplainRequest& r, const std::vector<std::string>& schemas) {
  std::string before;
  for (const std::string& schema : schemas) before += sql::quote_identifier(schema) + ", ";
  return query(fmt::format(kPlanSettings, kPrepared),
               {r.user, r.search_path, before, r.values.empty() ? "force_generic_plan" : "force_custom_plan"});
}

Cell prepared_in(const Outcome& answer) {
  return answer.ok && !answer.sheet.rows.empty() ? answer.sheet.rows.front().back() : std::nullopt;
}

struct Parsed {
  std::string name;      // "" when it failed
  Cell prepared_before;  // what there was of prepared statements; none: nothing of the text was sent
  std::shared_ptr<const sql::Repair> repair;
  std::vector<std::string> schemas;  // before the path
  std::size_t parameters = 0;
  Outcome error;
};

// `commands`: what comes before it; the one at `set` also tells what was prepared before.
boost::asio::awaitable<Parsed> parse(Session& session, std::vector<Command> commands, std::size_t set,
                                     const ExplainRequest& request, Clock::time_point deadline) {
  Cell prepared_before;
  auto repair = request.repair == nullptr ? sql::Repair(request.text) : *request.repair;
  std::vector<std::string> schemas = request.schemas;
  for (int attempt = 1;; ++attempt) {
    const std::string name = fresh_name();
    Command prepare{Command::Kind::prepare, repair.text(), name, {}, repair.types()};
    Command describe{Command::Kind::describe, {}, name, {}, {}};
    commands.push_back(std::move(prepare));
    commands.push_back(std::move(describe));
    commands.push_back(sync());
    const std::size_t last = commands.size() - 2;
    auto all = co_await session.run(std::move(commands), deadline);
    if (attempt == 1) prepared_before = prepared_in(all[set]);
    Parsed parsed;
    parsed.prepared_before = prepared_before;
    if (all[last].ok) {
      parsed.name = name;
      parsed.parameters = all[last].types.size();
      parsed.schemas = std::move(schemas);
      if (!repair.what().empty()) parsed.repair = std::make_shared<const sql::Repair>(std::move(repair));
      co_return parsed;
    }
    std::size_t bad = 0;
    while (all[bad].ok) ++bad;
    const Outcome& refusal = all[bad];
    const bool may = session.open() && bad == last - 1 && attempt < kMostParses;
    const bool elsewhere = may && (refusal.sqlstate == "42P01" || refusal.sqlstate == "3F000") &&
                           !request.other_schemas.empty() && schemas != request.other_schemas;
    if (!may || (!elsewhere && !repair.after({refusal.sqlstate, refusal.message, refusal.position}))) {
      parsed.error = std::move(all[bad]);
      co_return parsed;
    }
    commands.clear();
    commands.push_back(savepoint("ROLLBACK TO SAVEPOINT foreign_text"));
    if (elsewhere) {  // the savepoint must come after what is set, or the next refusal undoes it
      schemas = request.other_schemas;
      commands.push_back(savepoint("RELEASE SAVEPOINT foreign_text"));
      // Our own words must not find a stranger's operators by the path that was set for the text.
      commands.push_back(query("SET LOCAL search_path TO pg_catalog"));
      commands.push_back(settings(request, schemas));
      commands.push_back(savepoint("SAVEPOINT foreign_text"));
    }
  }
}

// Leaves nothing behind: prepared statements and advisory locks outlive a rollback. What the text did is rolled back to
// the savepoint; the empty rest is committed, because a ROLLBACK would count among the database's own (where going back
// fails, COMMIT rolls all back). Each step has its own sync: one that fails (the text may have deallocated our
// statement) keeps none of the others from being done. A session that still holds other prepared statements than before
// is ended.
boost::asio::awaitable<void> undo(Session& session, std::string name, const Cell& prepared_before,
                                  Clock::time_point deadline) {
  std::vector<Command> commands;
  const auto step = [&](std::string sql) {
    commands.push_back(query(std::move(sql)));
    commands.push_back(sync());
  };
  step("ROLLBACK TO SAVEPOINT foreign_text");
  if (!name.empty()) {
    step("DEALLOCATE " + name);
    step("ROLLBACK TO SAVEPOINT foreign_text");
  }
  step(fmt::format("select pg_catalog.pg_advisory_unlock_all(), {}", kPrepared));
  const std::size_t left = commands.size() - 2;
  step("COMMIT");
  const auto all = co_await session.run(std::move(commands), deadline);
  if (session.open() && prepared_before && prepared_in(all[left]) != prepared_before) co_await session.close(deadline);
}

// Values are literals of an unknown type, which the server takes as the parameter's: "(E'a/b', NULL)".
std::string arguments(std::size_t parameters, const std::vector<Cell>& values) {
  std::string out;
  for (std::size_t i = 0; i < parameters; ++i) {
    out += i == 0 ? "(" : ", ";
    out += i < values.size() && values[i] ? words::literal(*values[i]) : "NULL";
  }
  return parameters > 0 ? out + ")" : out;
}

boost::asio::awaitable<Outcome> plan(Session& session, std::string statement, const char* pruning,
                                     Clock::time_point deadline) {
  // A plan of 10,000 partitions is smaller; a constant that was folded to 40 MB would keep the event loop busy.
  const auto most = std::exchange(session.most_bytes, kLargestPlan);
  std::vector<Command> commands;
  commands.push_back(query(fmt::format("SET LOCAL enable_partition_pruning TO {}", pruning)));
  commands.push_back(query(fmt::format("EXPLAIN (FORMAT JSON, VERBOSE, SETTINGS) EXECUTE {}", statement)));
  commands.push_back(sync());
  auto all = co_await session.run(std::move(commands), deadline);
  session.most_bytes = most;
  co_return std::move(all[all[0].ok ? 1 : 0]);
}

std::string only_cell(const Outcome& o) {
  return o.sheet.rows.empty() || o.sheet.rows[0].empty() ? std::string() : o.sheet.rows[0][0].value_or("");
}

}  // namespace

boost::asio::awaitable<Explained> explain(Session& session, ExplainRequest request, Clock::time_point deadline) {
  // Without the right to write EXPLAIN refuses a write; what it reads is planned the same, with fewer locks.
  std::string rewritten;
  if (auto reading = sql::reading_part(request.text)) {
    request.text = std::move(*reading);
    rewritten = "its reading part";
  }
  if (auto refused = refuse(request.text, session.version_num())) co_return *refused;
  Ask limits;
  limits.timeout = request.timeout;
  limits.lock_timeout = request.lock_timeout;
  limits.raw_bytes = session.server_encoding() == "SQL_ASCII";
  std::vector<Command> commands = begin(limits);
  if (session.superuser() && !request.allow_superuser) {
    commands.push_back(query(kForeignFunctions));
    commands.push_back(sync());
    auto all = co_await session.run(std::move(commands), deadline);
    commands.clear();
    const Outcome& answer = all[all.size() - 2];
    if (!answer.ok || only_cell(answer) != "f") {
      Explained refused =
          answer.ok
              ? failure("PGV03",
                        "not explained as superuser: an ordinary role owns functions here that "
                        "planning would run with a superuser's rights",
                        "connect as the role that `pgvigil grants` prints, or pass --allow-superuser", "superuser")
              : failure(answer);
      commands.push_back(query("COMMIT"));
      commands.push_back(sync());
      co_await session.run(std::move(commands), deadline);
      co_return refused;
    }
  }
  const std::size_t set = commands.size();
  commands.push_back(settings(request, request.schemas));
  set_own(commands, request.own_settings);
  commands.push_back(savepoint("SAVEPOINT foreign_text"));
  for (const std::string& index : request.hypothetical)
    commands.push_back(query(fmt::format("select {}.hypopg_create_index($1)", request.hypopg_schema), {index}));
  Parsed parsed = co_await parse(session, std::move(commands), set, request, deadline);
  Outcome answer = std::move(parsed.error);
  const bool literals = parsed.parameters == 0 || !request.values.empty();
  if (!parsed.name.empty()) {
    const std::string statement = parsed.name + arguments(parsed.parameters, request.values);
    answer = co_await plan(session, statement, literals ? "DEFAULT" : "off", deadline);
    while (!answer.ok && session.open() && learn(request.own_settings, answer)) {
      std::vector<Command> again;
      again.push_back(savepoint("ROLLBACK TO SAVEPOINT foreign_text"));
      set_own(again, request.own_settings);
      again.push_back(sync());
      co_await session.run(std::move(again), deadline);
      answer = co_await plan(session, statement, literals ? "DEFAULT" : "off", deadline);
    }
    // Pruned at start-up by a stable expression: the rest of the partitions is missing, so look at all of them.
    if (answer.ok && literals && only_cell(answer).find("\"Subplans Removed\": 0") == std::string::npos &&
        only_cell(answer).find("\"Subplans Removed\"") != std::string::npos)
      answer = co_await plan(session, statement, "off", deadline);
  }
  if (session.open() && !request.hypothetical.empty()) {  // they live in the backend's memory, beyond any rollback
    std::vector<Command> forget;
    forget.push_back(savepoint("ROLLBACK TO SAVEPOINT foreign_text"));
    forget.push_back(query(fmt::format("select {}.hypopg_reset()", request.hypopg_schema)));
    forget.push_back(sync());
    co_await session.run(std::move(forget), deadline);
  }
  if (session.open()) co_await undo(session, parsed.name, parsed.prepared_before, deadline);
  if (!answer.ok) {
    Explained failed = failure(answer);
    failed.ended = !session.open();
    if (!request.values.empty() && !parsed.name.empty() && answer.sqlstate.starts_with("22")) {
      failed.error = answer.message;  // the values are the operator's own, and he needs to see which one it is
      failed.reason = "parameter_value";
    }
    co_return failed;
  }
  Explained done;
  done.json = blank_plan(only_cell(answer));
  done.literals = literals;
  done.schemas = std::move(parsed.schemas);
  if (parsed.repair) rewritten += (rewritten.empty() ? "" : ", ") + parsed.repair->what();
  for (const auto& [name, value] : request.own_settings)
    rewritten += fmt::format("{}{} = {} for what its session has set", rewritten.empty() ? "" : ", ", name, value);
  done.rewritten = std::move(rewritten);
  done.own_settings = std::move(request.own_settings);
  done.repair = std::move(parsed.repair);
  if (done.json.empty()) co_return failure("PGV02", "the server returned no plan");
  co_return done;
}

}  // namespace pgvigil::pg
