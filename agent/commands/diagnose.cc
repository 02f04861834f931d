// `pgvigil diagnose`: one shot, in the middle of an incident, with no daemon and no extension; or the same judgement of
// what was seen before.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstring>
#include <fstream>
#include <iterator>

#include "agent/commands/command.h"
#include "agent/commands/look.h"
#include "agent/commands/past.h"
#include "agent/commands/see_host.h"
#include "agent/commands/when.h"
#include "agent/core/evaluate.h"
#include "agent/core/recording.h"
#include "agent/core/render_json.h"
#include "agent/core/render_markdown.h"
#include "agent/core/render_nagios.h"
#include "agent/pg/now.h"

namespace pgvigil {
namespace asio = boost::asio;

namespace {

constexpr int exit_unknown = 3;

struct Options {
  ConnectionOptions connection;
  std::string format = "text", save, from, target, state, at;
  double seconds = 2, timeout = 8;
  bool allow_superuser = false;
  const CLI::Option* from_state = nullptr;

  bool past() const { return from_state->count() > 0 || !at.empty(); }
};

int exit_code(Severity verdict) { return verdict == Severity::critical ? 2 : verdict == Severity::warning ? 1 : 0; }

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

int answer(const Recording& recording, const AllCheckSettings& checks, const Options& options,
           const std::string& past = "") {
  Report report = rank(evaluate_all(recording.history, recording.context, checks, recording.at), recording.history,
                       recording.context, recording.at);
  report.cost = recording.cost;
  report.past = past;
  print(options.format == "json"       ? render_json(report, 2) + "\n"
        : options.format == "markdown" ? render_markdown(report)
        : options.format == "nagios"   ? render_nagios(report) + "\n"
                                       : render_text(report, terminal()));
  // "OK as far as could be seen" is no OK.
  if (!report.reachable || (report.verdict == Severity::ok && report.partial)) return exit_unknown;
  return exit_code(report.verdict);
}

int replay(const Options& options, const Settings& settings) {
  std::ifstream file(options.from, std::ios::binary);
  if (!file)
    return fail("cannot read " + options.from, std::strerror(errno), "give a file that diagnose --save wrote",
                exit_unknown);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  try {
    return answer(load_recording(text), settings.checks, options);
  } catch (const BadRecording& e) {
    return fail("cannot replay " + options.from, e.what(), "give a file that diagnose --save wrote", exit_unknown);
  }
}

// The times of the command line. False: one of them is none, and that is said.
bool read_times(const Options& options, Time now, std::optional<Time>& at) {
  if (options.at.empty()) return true;
  at = parse_when(options.at, now);
  if (at) return true;
  fail("--at " + options.at.substr(0, 60), "this is no time", when_forms, exit_unknown);
  return false;
}

// Named by a person, so that another target in the state is no answer.
bool named(const Options& o) { return o.connection.given() || !o.connection.file.empty(); }

int tell_the_past(const Options& options, const Settings& settings) try {
  const Time now = utc_now();
  std::optional<Time> at;
  if (!read_times(options, now, at)) return exit_unknown;
  Past past(options.state, options.target, settings, named(options));
  const auto then = past.at(at, now);
  if (past.damaged() > 0)
    fail(fmt::format("{} records of the state are damaged and left out", past.damaged()), "", "", 0);
  if (const auto* recording = std::get_if<Recording>(&then))
    return answer(*recording, settings.checks, options, past.words());
  const auto& minutes = std::get<MinutesPast>(then);
  print(options.format == "json" ? render_minutes_json(minutes, 2) + "\n" : render_minutes_text(minutes, terminal()));
  const auto& verdict = minutes.last().verdict;
  return !verdict || !minutes.last().reachable ? exit_unknown : exit_code(*verdict);
} catch (const NoPast& e) {
  return fail(e.what, e.why, e.hint, exit_unknown);
}

int diagnose(const Options& options) {
  const bool past = options.past();
  if (past && !options.from.empty())
    return fail("--from and --from-state", "both are the past, one of them is enough",
                "--from FILE is what --save wrote, --from-state what the agent keeps", exit_unknown);
  const bool replays = !options.from.empty() || past;
  const LoadedSettings loaded = !replays || options.connection.given() || !options.connection.file.empty()
                                    ? options.connection.load()
                                    : settings_without_file("");
  print_warnings(loaded);
  if (!loaded.ok()) return fail(loaded, exit_unknown);
  const Settings& settings = loaded.settings;
  if (!options.from.empty()) return replay(options, settings);
  if (past) return tell_the_past(options, settings);

  const TargetSettings* target = nullptr;
  for (const TargetSettings& t : settings.targets)
    if (options.target.empty() || t.name == options.target) {
      target = &t;
      break;
    }
  if (target == nullptr)
    return fail("no target " + options.target, "the configuration does not name it", "see pgvigil config print",
                exit_unknown);
  auto conninfo = Conninfo::parse(target->conninfo);
  if (!conninfo) return fail("cannot connect", conninfo.error().message, conninfo.error().hint, exit_unknown);

  Context context{.target = target->name,
                  .vcpus = target->vcpus,
                  .one_shot = true,
                  .local = is_local(*conninfo),
                  .hot_queries = target->hot_queries};
  TargetOptions how{.name = target->name, .conninfo = *conninfo};
  how.databases = target->databases;
  how.allow_superuser = target->allow_superuser || options.allow_superuser;
  if (isatty(STDERR_FILENO) != 0) std::fprintf(stderr, "looking at %s ...\r", conninfo->display().c_str());
  // Never destroyed: that would wait for a name look-up that hangs.
  static asio::io_context& io = *new asio::io_context(1);
  const auto look = std::make_shared<Look>(io, std::move(how), std::move(context), options.seconds, options.timeout);
  const auto error = look->run();
  if (error) fail(error->message, "", error->hint, exit_unknown);
  // A refusal for want of a slot is itself the diagnosis, and there is something to type.
  const bool diagnosed = !error || error->kind == ConnectError::Kind::too_many_connections;
  if (!diagnosed && options.format == "text") return exit_unknown;
  if (!options.save.empty()) {
    std::ofstream file(options.save, std::ios::binary | std::ios::trunc);
    if (!(file << save_recording(look->recording()) << std::flush))
      fail("cannot write " + options.save, std::strerror(errno), "the diagnosis itself follows", 0);
  }
  const int verdict = answer(look->recording(), settings.checks, options);
  return error ? exit_unknown : verdict;
}

}  // namespace

Command diagnose_command() {
  const auto options = std::make_shared<Options>();
  Command c;
  c.name = "diagnose";
  c.description = "look at a server for a few seconds and say what is killing it, why, and what to type next";
  c.trouble_exit = exit_unknown;
  c.setup = [options](CLI::App& app) {
    options->connection.add_to(app);
    app.add_option("--format", options->format, "text, json, markdown or nagios")
        ->check(CLI::IsMember({"text", "json", "markdown", "nagios"}));
    app.add_option("--target", options->target, "which target of the configuration; default: the first");
    add_duration(app, "--seconds", options->seconds, 0.5, 60, "how long to sample the load");
    add_duration(app, "--timeout", options->timeout, 1, 600, "answer after this time with what is known by then");
    app.add_flag("--allow-superuser", options->allow_superuser,
                 "as a superuser EXPLAIN queries also where other roles own functions that planning may run");
    app.add_option("--save", options->save, "write what was seen to FILE, without query literals");
    app.add_option("--from", options->from, "judge what FILE holds instead of a server");
    options->from_state =
        app.add_option("--from-state", options->state,
                       "judge what the agent keeps instead of a server; default DIR: the agent's usual one")
            ->type_name("[DIR]")
            ->expected(0, 1);
    app.add_option("--at", options->at, "as of then, from the agent's state: \"08:00\", \"10 min ago\", ISO 8601")
        ->type_name("TIME");
  };
  c.run = [options] { return diagnose(*options); };
  return c;
}

}  // namespace pgvigil
