// `pgvigil diagnose`: one shot, in the middle of an incident, with no daemon and no extension; or the same judgement of
// what was seen before.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>

#include "agent/commands/command.h"
#include "agent/commands/look.h"
#include "agent/commands/past.h"
#include "agent/commands/see_host.h"
#include "agent/commands/when.h"
#include "agent/core/compare.h"
#include "agent/core/evaluate.h"
#include "agent/core/onset.h"
#include "agent/core/recording.h"
#include "agent/core/render_json.h"
#include "agent/core/render_markdown.h"
#include "agent/core/render_nagios.h"
#include "agent/core/report_words.h"
#include "agent/pg/now.h"

namespace pgvigil {
namespace asio = boost::asio;

namespace {

constexpr int exit_unknown = 3;

struct Options {
  ConnectionOptions connection;
  std::string format = "text", save, from, target, state, at, since, watch;
  double seconds = 2, timeout = 8;
  bool allow_superuser = false;
  const CLI::Option *from_state = nullptr, *watched = nullptr;

  bool past() const { return from_state->count() > 0 || !at.empty(); }
};

int exit_code(Severity verdict) { return verdict == Severity::critical ? 2 : verdict == Severity::warning ? 1 : 0; }

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

std::string rendered(const Report& report, const std::string& format, bool one_line = false) {
  return format == "json"       ? render_json(report, one_line ? -1 : 2) + "\n"
         : format == "markdown" ? render_markdown(report)
         : format == "nagios"   ? render_nagios(report) + "\n"
                                : render_text(report, terminal());
}

int exit_code(const Report& report) {
  if (!report.reachable || is_unsure(report)) return exit_unknown;
  return exit_code(report.verdict);
}

int answer(const Report& report, const Options& options) {
  print(rendered(report, options.format));
  return exit_code(report);
}

int replay(const Options& options, const Settings& settings) {
  std::ifstream file(options.from, std::ios::binary);
  if (!file)
    return fail("cannot read " + options.from, std::strerror(errno), "give a file that diagnose --save wrote",
                exit_unknown);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  try {
    return answer(judged(load_recording(text), settings.checks), options);
  } catch (const BadRecording& e) {
    return fail("cannot replay " + options.from, e.what(), "give a file that diagnose --save wrote", exit_unknown);
  }
}

// Named by a person, so that another target in the state is no answer.
bool named(const Options& o) { return o.connection.given() || !o.connection.file.empty(); }

// What changed within the last `seconds` before this recording; where the past does not tell, why.
Changes changed(Past& past, const Recording& now, double seconds) {
  const Time when = after(now.at, -seconds);
  try {
    const auto then = past.at(when, now.at);
    const Side here{&now.history, &now.context, now.at, {}};
    if (const auto* r = std::get_if<Recording>(&then)) return compare({&r->history, &r->context, r->at, {}}, here);
    const History nothing;
    const auto& m = std::get<MinutesPast>(then);
    return compare({&nothing, &past.context(), m.at, m.minutes}, here);
  } catch (const NoPast& e) {
    return {.since = when, .all = {}, .unknown = {e.what + (e.why.empty() ? "" : ": " + e.why)}};
  }
}

int tell_the_past(const Options& options, const Settings& settings, std::optional<double> since) try {
  constexpr double long_ago = 48 * 3600;  // seconds in which the beginning of an incident is looked for
  const Time now = utc_now();
  std::optional<Time> at;
  if (!options.at.empty() && !(at = parse_when(options.at, now)))
    return fail("--at " + options.at.substr(0, 60), "this is no time", when_forms, exit_unknown);
  Past past(options.state, options.target, settings, named(options));
  const auto then = past.at(at, now);
  const std::string words = past.words();
  const auto* recording = std::get_if<Recording>(&then);
  if (recording != nullptr) {
    Report report = judged(*recording, settings.checks);
    report.past = words;
    find_onsets(report.incidents, past.minutes(after(report.at, -long_ago), report.at));
    if (since) report.changes = changed(past, *recording, *since);
    if (past.damaged() > 0)
      fail(fmt::format("{} records of the state are damaged and left out", past.damaged()), "", "", 0);
    return answer(report, options);
  }
  const auto& minutes = std::get<MinutesPast>(then);
  if (since) fail("cannot say what changed", "only the load of each minute is kept from then", "", 0);
  print(options.format == "json" ? render_minutes_json(minutes, 2) + "\n" : render_minutes_text(minutes, terminal()));
  const auto& verdict = minutes.last().verdict;
  return !verdict || !minutes.last().reachable ? exit_unknown : exit_code(*verdict);
} catch (const NoPast& e) {
  return fail(e.what, e.why, e.hint, exit_unknown);
}

void compare_with_past(Report& report, const Recording& now, const Settings& settings, double since) {
  try {
    Past past("", now.context.target, settings, true);
    report.changes = changed(past, now, since);
  } catch (const NoPast& e) {
    report.changes = Changes{after(now.at, -since), {}, {e.what + ": " + e.why}};
    fail("cannot say what changed", e.what + ": " + e.why, e.hint, 0);
  }
}

// Looks again and again until Ctrl-C; the exit code is that of the last verdict.
int watch(asio::io_context& io, Look& look, const Options& options, const Settings& settings, double every,
          std::optional<double> since) {
  bool ended = false;
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code& error, int) {
    ended = !error;
    io.stop();
  });
  const bool screen = isatty(STDOUT_FILENO) != 0 && options.format == "text";
  asio::steady_timer timer(io);
  int code = exit_unknown;
  for (bool first = true; !ended; first = false) {
    const auto next =
        std::chrono::steady_clock::now() +
        std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(every));
    const auto error = look.run();
    if (ended) break;
    if (error) {
      code = fail(error->message, "", error->hint, exit_unknown);
      if (first) break;
    } else {
      Report report = judged(look.recording(), settings.checks);
      if (since) compare_with_past(report, look.recording(), settings, *since);
      if (screen)
        print("\x1b[H\x1b[2J");
      else if (!first && options.format == "text")
        print(std::string(80, '-') + "\n");
      print(rendered(report, options.format, true));
      code = exit_code(report);
      if (screen) print(fmt::format("\n  every {:g} s; Ctrl-C ends\n", every));
    }
    if (std::fflush(stdout) != 0) break;  // nobody reads any more
    io.restart();
    timer.expires_at(next);
    timer.async_wait([&](const boost::system::error_code&) { io.stop(); });
    io.run();
  }
  return code;
}

// A duration of an option, within bounds; none and a message where it is none.
bool read_duration(std::string_view option, const std::string& text, double least, double most,
                   std::optional<double>& out) {
  out = parse_duration(text);
  if (out && *out >= least && *out <= most) return true;
  fail(fmt::format("{} {}", option, text.substr(0, 40)), out ? "too short or too long" : "this is no duration",
       "write \"30 s\", \"10 min\", \"2 h\" or \"1 d\"", exit_unknown);
  return false;
}

int diagnose(Options options) {
  // "--watch postgresql://...": an option whose value may be left out has taken the connection for it.
  for (std::string* taken : {&options.watch, &options.state})
    if (taken->find_first_of("=") != std::string::npos || taken->find("://") != std::string::npos) {
      if (!options.connection.conninfo.empty())
        return fail("usage", "two connection strings", "pgvigil diagnose --help", exit_unknown);
      options.connection.conninfo = std::exchange(*taken, "");
    }
  const bool watches = options.watched->count() > 0;
  if (int(!options.from.empty()) + int(options.past()) + int(watches) > 1)
    return fail("usage", "--from, --from-state (or --at) and --watch exclude each other",
                "--from FILE is what --save wrote, --from-state what the agent keeps, --watch is now", exit_unknown);
  std::optional<double> since, every = 5;
  if (!options.since.empty() && !read_duration("--since", options.since, 10, 366 * 86400.0, since)) return exit_unknown;
  if (!options.watch.empty() && !read_duration("--watch", options.watch, 1, 3600, every)) return exit_unknown;
  if (since && !options.from.empty())
    return fail("usage", "--since compares with the agent's state, --from tells of one file", "leave one of them out",
                exit_unknown);
  const bool replays = !options.from.empty() || options.past();
  const LoadedSettings loaded = !replays || options.connection.given() || !options.connection.file.empty()
                                    ? options.connection.load()
                                    : settings_without_file("");
  print_warnings(loaded);
  if (!loaded.ok()) return fail(loaded, exit_unknown);
  const Settings& settings = loaded.settings;
  if (!options.from.empty()) return replay(options, settings);
  if (options.past()) return tell_the_past(options, settings, since);

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
                  .hot_queries = target->hot_queries,
                  .migrations = migrations_in(target->migrations, conninfo->dbname())};
  TargetOptions how{.name = target->name,
                    .conninfo = watches ? conninfo->with_application("pgvigil diagnose") : *conninfo};
  how.databases = target->databases;
  how.allow_superuser = target->allow_superuser || options.allow_superuser;
  if (isatty(STDERR_FILENO) != 0) std::fprintf(stderr, "looking at %s ...\r", conninfo->display().c_str());
  // Never destroyed: that would wait for a name look-up that hangs.
  static asio::io_context& io = *new asio::io_context(1);
  const auto look = std::make_shared<Look>(io, std::move(how), std::move(context), options.seconds, options.timeout);
  if (watches) return watch(io, *look, options, settings, *every, since);
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
  Report report = judged(look->recording(), settings.checks);
  if (since) compare_with_past(report, look->recording(), settings, *since);
  const int verdict = answer(report, options);
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
    app.add_option("--since", options->since,
                   "also say what changed within that time: tables, indexes, settings, plans, load")
        ->type_name("DURATION");
    options->watched = app.add_option("--watch", options->watch, "look again and again, every 5 s or as given")
                           ->type_name("[DURATION]")
                           ->expected(0, 1);
  };
  c.run = [options] { return diagnose(*options); };
  return c;
}

}  // namespace pgvigil
