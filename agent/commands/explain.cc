// `pgvigil explain`: one query's plan, judged, with the cure. It never ANALYZEs and needs no agent.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <iostream>
#include <iterator>
#include <set>

#include "agent/commands/command.h"
#include "agent/core/query_report.h"
#include "agent/core/schedule.h"
#include "agent/pg/now.h"
#include "agent/pg/target.h"
#include "checks/probes/activity.h"
#include "checks/probes/plans.h"
#include "checks/probes/server.h"
#include "checks/probes/statement_texts.h"
#include "checks/words.h"

namespace pgvigil {
namespace asio = boost::asio;

namespace {

constexpr int exit_unknown = 3;
constexpr std::size_t longest = 1 << 20;
constexpr const char* name = "explain";

struct Options {
  ConnectionOptions connection;
  std::vector<std::string> words;
  std::string format = "text";
  bool allow_superuser = false;
};

bool is_number(const std::string& s) {
  const std::size_t from = s.starts_with("-") ? 1 : 0;
  return s.size() > from && s.size() < 21 &&
         std::all_of(s.begin() + static_cast<std::ptrdiff_t>(from), s.end(),
                     [](char c) { return c >= '0' && c <= '9'; });
}

// The query's text and id; the text is to be looked up when it is empty, and with it where it runs, and as whom.
struct Asked {
  std::string text, query_id;
  std::string database = {}, user = {};
  std::vector<std::string> elsewhere = {};  // databases in which it runs, several and none of them ours
};

class Question {
 public:
  Question(asio::io_context& io, TargetOptions options, Context context, Asked asked)
      : io_(io),
        target_(io.get_executor(), std::move(options)),
        context_(std::move(context)),
        asked_(std::move(asked)) {}

  std::optional<ConnectError> run() {
    std::exception_ptr failed;
    asio::co_spawn(io_, ask(), [&](std::exception_ptr e) {
      failed = e;
      io_.stop();
    });
    io_.run();
    if (failed) std::rethrow_exception(failed);
    return error_;
  }
  bool found() const { return !asked_.text.empty(); }
  const std::vector<std::string>& elsewhere() const { return asked_.elsewhere; }
  QueryReport report() const {
    static const CheckSettings none;
    return report_on_query(Input(history_, context_, none, utc_now()), name);
  }

 private:
  asio::awaitable<void> ask() {
    error_ = co_await target_.connect();
    if (error_) co_return;
    const std::vector<const AnyProbe*> first{&server, &activity};
    history_.add(co_await target_.ask(first));
    if (asked_.text.empty()) co_await look_up();
    if (asked_.text.empty()) co_return;
    if (asked_.database.empty()) asked_.database = target_.home();
    context_.hot_queries = {{.name = name, .database = asked_.database, .sql = asked_.text, .user = asked_.user}};
    for (int wave = 2; wave <= last_wave(); ++wave) {
      Wave questions = plan_wave(wave, history_, context_, utc_now());
      std::erase_if(questions, [](const auto& q) { return q.first->about().cadence == Cadence::diagnose; });
      if (!questions.empty()) history_.add(co_await target_.wave(std::move(questions)));
    }
    co_await target_.close();
  }

  // By id: of a running session, or of pg_stat_statements; both know all databases.
  asio::awaitable<void> look_up() {
    std::vector<StatementText> hits;
    for (const auto& answer : history_.series(activity))
      if (answer.rows)
        for (const Session& s : static_cast<const RowsOf<Session>&>(*answer.rows).rows)
          if (s.query_id == asked_.query_id && !s.query.empty())
            hits.push_back({s.query_id, s.database, s.user, s.query, s.truncated});
    std::vector<Request> requests(1);
    requests[0].parameters = {"{" + asked_.query_id + "}"};
    Wave wave;
    wave.emplace_back(&statement_texts, std::move(requests));
    const Observation o = co_await target_.wave(std::move(wave));
    const auto answer = o.answers.find(std::string(statement_texts.id()));
    if (answer != o.answers.end() && answer->second.rows)
      for (const StatementText& t : static_cast<const RowsOf<StatementText>&>(*answer->second.rows).rows)
        hits.push_back(t);
    choose(hits);
  }

  // The one of our own database, else of the only one there is; whole texts before those that are cut.
  void choose(const std::vector<StatementText>& hits) {
    std::set<std::string> databases;
    for (const StatementText& t : hits) databases.insert(t.database);
    const bool ours = databases.contains(target_.home());
    if (!ours && databases.size() > 1) {
      asked_.elsewhere.assign(databases.begin(), databases.end());
      return;
    }
    const StatementText* best = nullptr;
    for (const StatementText& t : hits)
      if ((!ours || t.database == target_.home()) && (best == nullptr || (best->truncated && !t.truncated))) best = &t;
    if (best != nullptr) asked_.text = best->text, asked_.database = best->database, asked_.user = best->user;
  }

  asio::io_context& io_;
  Target target_;
  Context context_;
  Asked asked_;
  History history_;
  std::optional<ConnectError> error_;
};

int explain(const Options& options) {
  // The last word is the query; a word before it is where to connect, as for the other subcommands.
  ConnectionOptions connection = options.connection;
  if (options.words.empty() || options.words.size() > 2)
    return fail("explain", "which query?", "pgvigil explain [CONNINFO] QUERYID | 'SELECT ...' | - (reads stdin)",
                exit_unknown);
  if (options.words.size() == 2) connection.conninfo = options.words[0];
  Asked asked;
  const std::string& last = options.words.back();
  const std::string what = last.starts_with(" -") ? last.substr(1) : last;  // a negative query id
  if (what == "-") {
    asked.text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else if (is_number(what)) {
    asked.query_id = what;
  } else {
    asked.text = what;
  }
  if (asked.query_id.empty() && asked.text.find_first_not_of(" \t\r\n;") == std::string::npos)
    return fail("explain", "the query is empty", "pgvigil explain 'SELECT ...', or a query on stdin with -",
                exit_unknown);
  if (asked.text.size() > longest) return fail("explain", "the query is longer than 1 MiB", "", exit_unknown);

  const LoadedSettings loaded = connection.load();
  print_warnings(loaded);
  if (!loaded.ok()) return fail(loaded, exit_unknown);
  if (loaded.settings.targets.empty())
    return fail("explain", "the configuration names no target", "give a connection string", exit_unknown);
  const TargetSettings& target = loaded.settings.targets.front();
  auto conninfo = Conninfo::parse(target.conninfo);
  if (!conninfo) return fail("cannot connect", conninfo.error().message, conninfo.error().hint, exit_unknown);

  Context context{.target = target.name, .vcpus = target.vcpus, .one_shot = true};
  TargetOptions how{.name = target.name, .conninfo = *conninfo};
  how.allow_superuser = target.allow_superuser || options.allow_superuser;
  asio::io_context io(1);
  Question question(io, std::move(how), std::move(context), std::move(asked));
  if (const auto error = question.run()) return fail(error->message, "", error->hint, exit_unknown);
  if (!question.elsewhere().empty())
    return fail("which query " + what + "?", "it runs in several databases: " + words::list(question.elsewhere(), 5),
                "name one to connect to: pgvigil explain dbname=NAME " + what, exit_unknown);
  if (!question.found())
    return fail("no text for query " + what, "no running session and no entry of pg_stat_statements has this id",
                "give the text itself: pgvigil explain - <query.sql", exit_unknown);
  const QueryReport report = question.report();
  const std::string text =
      options.format == "json" ? render_query_json(report) + "\n" : render_query_text(report, terminal());
  std::fwrite(text.data(), 1, text.size(), stdout);
  return report.error ? exit_unknown : 0;
}

}  // namespace

Command explain_command() {
  const auto options = std::make_shared<Options>();
  Command c;
  c.name = "explain";
  c.description = "show a query's plan, which scan of it is harmful, why, and the index that cures it";
  c.trouble_exit = exit_unknown;
  c.setup = [options](CLI::App& app) {
    options->connection.add_options_to(app);
    app.add_option("query", options->words, "[CONNINFO] QUERYID, 'SQL', or - for stdin");
    app.add_option("--format", options->format, "text or json")->check(CLI::IsMember({"text", "json"}));
    app.add_flag("--allow-superuser", options->allow_superuser,
                 "as a superuser EXPLAIN also where other roles own functions that planning may run");
  };
  c.run = [options] { return explain(*options); };
  return c;
}

}  // namespace pgvigil
