// `pgvigil diagnose`: one shot, in the middle of an incident, with no daemon and no extension.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <fstream>
#include <iterator>

#include "agent/commands/command.h"
#include "agent/commands/see_host.h"
#include "agent/core/evaluate.h"
#include "agent/core/recording.h"
#include "agent/core/render_json.h"
#include "agent/core/render_markdown.h"
#include "agent/core/render_nagios.h"
#include "agent/core/schedule.h"
#include "agent/pg/now.h"
#include "agent/pg/target.h"
#include "checks/probes/activity.h"
#include "checks/probes/relation_locks.h"

namespace pgvigil {
namespace asio = boost::asio;
using Steady = std::chrono::steady_clock;

namespace {

constexpr auto sample_beat = std::chrono::milliseconds(100);
constexpr int exit_unknown = 3;

// One look at a target: two observations, samples between them, the second waves as soon as the load is known.
class Look : public std::enable_shared_from_this<Look> {
 public:
  // Samples for `seconds`, longer while the plans are still under way, but gives up waiting after `timeout`.
  Look(asio::io_context& io, TargetOptions options, Context context, double seconds, double timeout)
      : io_(io),
        target_(io.get_executor(), std::move(options)),
        timer_(io),
        recording_{{}, std::move(context), {}},
        enough_(Steady::now() + duration(seconds)),
        latest_(Steady::now() + duration(timeout)) {}

  // The connection's error, or nothing: then the recording is complete.
  std::optional<ConnectError> run() {
    // The coroutines own the look: one that is abandoned at the deadline still finds its connections when it ends.
    spawn(&Look::first_connection);
    io_.run();
    if (failed_) std::rethrow_exception(failed_);
    recording_.at = utc_now();
    recording_.cost = target_.cost();
    return error_;
  }
  const Recording& recording() const { return recording_; }

 private:
  void spawn(asio::awaitable<void> (Look::*part)()) {
    asio::co_spawn(
        io_, [self = shared_from_this(), part] { return (self.get()->*part)(); },
        [self = shared_from_this()](std::exception_ptr e) {
          if (!e) return;
          self->failed_ = e;
          self->io_.stop();
        });
  }
  // Asked on the second connection: what may take long, and what needs a database that has its extension.
  static bool second(const AnyProbe& p) { return p.about().slow || !p.about().requires_extension.empty(); }
  static Steady::duration duration(double s) {
    return std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(s));
  }

  asio::awaitable<void> first_connection() {
    error_ = co_await target_.connect();
    if (error_) co_return;
    std::vector<const AnyProbe*> probes;
    for (const AnyProbe* p : probes_of(Scope::server, {Cadence::sample, Cadence::cycle, Cadence::sweep, Cadence::slow}))
      if (!second(*p)) probes.push_back(p);
    co_await observe(probes);
    spawn(&Look::second_connection);
    const std::vector<const AnyProbe*> sample{&activity}, with_locks{&activity, &relation_locks};
    while (Steady::now() < latest_ && (Steady::now() < enough_ || !planned_)) {
      const auto next = Steady::now() + sample_beat;
      keep(co_await target_.ask(++samples_ % 5 == 0 ? with_locks : sample));
      timer_.expires_at(next);
      boost::system::error_code ignored;
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    co_await observe(probes);
    io_.stop();  // whatever the second connection still waits for is a blind spot
  }

  asio::awaitable<void> second_connection() {
    auto tables_probes = probes_of(Scope::database, {Cadence::cycle, Cadence::sweep, Cadence::slow});
    for (const AnyProbe* p : probes_of(Scope::server, {Cadence::cycle, Cadence::sweep, Cadence::slow}))
      if (second(*p)) tables_probes.push_back(p);
    Observation refusals;
    tables_probes = askable(tables_probes, recording_.history, recording_.context, utc_now(), refusals);
    keep(std::move(refusals));
    keep(co_await target_.sweep(tables_probes));
    asio::steady_timer wait(io_);
    boost::system::error_code ignored;
    while (samples_ < 5) {  // what is hot shows after a few samples
      wait.expires_after(sample_beat);
      co_await wait.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    for (int wave = 2; wave <= last_wave(); ++wave)
      if (Wave asked = plan_wave(wave, recording_.history, recording_.context, utc_now()); !asked.empty()) {
        keep(co_await target_.wave(std::move(asked)));
      }
    keep(co_await target_.sweep(tables_probes));  // rates need a second reading
    planned_ = true;
  }

  asio::awaitable<void> observe(const std::vector<const AnyProbe*>& probes) {
    Observation o = co_await target_.ask(probes);
    const Time asked = o.at;
    keep(std::move(o));
    keep(see_host(recording_.history, target_.options().conninfo, asked));
  }
  void keep(Observation o) { recording_.history.add(std::move(o)); }

  asio::io_context& io_;
  Target target_;
  asio::steady_timer timer_;
  Recording recording_;
  std::optional<ConnectError> error_;
  std::exception_ptr failed_;
  Steady::time_point enough_, latest_;
  int samples_ = 0;
  bool planned_ = false;
};

struct Options {
  ConnectionOptions connection;
  std::string format = "text", save, from, target;
  double seconds = 2, timeout = 8;
  bool allow_superuser = false;
};

int answer(const Recording& recording, const AllCheckSettings& checks, const Options& options) {
  Report report = rank(evaluate_all(recording.history, recording.context, checks, recording.at), recording.history,
                       recording.context, recording.at);
  report.cost = recording.cost;
  const std::string text = options.format == "json"       ? render_json(report, 2) + "\n"
                           : options.format == "markdown" ? render_markdown(report)
                           : options.format == "nagios"   ? render_nagios(report) + "\n"
                                                          : render_text(report, terminal());
  std::fwrite(text.data(), 1, text.size(), stdout);
  // "OK as far as could be seen" is no OK.
  if (!report.reachable || (report.verdict == Severity::ok && report.partial)) return exit_unknown;
  return report.verdict == Severity::critical ? 2 : report.verdict == Severity::warning ? 1 : 0;
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

int diagnose(const Options& options) {
  const LoadedSettings loaded =
      options.from.empty() || !options.connection.file.empty() ? options.connection.load() : settings_without_file("");
  print_warnings(loaded);
  if (!loaded.ok()) return fail(loaded, exit_unknown);
  const Settings& settings = loaded.settings;
  if (!options.from.empty()) return replay(options, settings);

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
  asio::io_context io(1);
  const auto look = std::make_shared<Look>(io, std::move(how), std::move(context), options.seconds, options.timeout);
  if (const auto error = look->run()) return fail(error->message, "", error->hint, exit_unknown);
  if (!options.save.empty()) {
    std::ofstream file(options.save, std::ios::binary | std::ios::trunc);
    if (!(file << save_recording(look->recording()) << std::flush))
      fail("cannot write " + options.save, std::strerror(errno), "the diagnosis itself follows", 0);
  }
  return answer(look->recording(), settings.checks, options);
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
    app.add_option("--seconds", options->seconds, "how long to sample the load")
        ->check(CLI::Range(0.5, 60.0))
        ->capture_default_str();
    app.add_option("--timeout", options->timeout, "answer after this many seconds with what is known by then")
        ->check(CLI::Range(1.0, 600.0))
        ->capture_default_str();
    app.add_flag("--allow-superuser", options->allow_superuser,
                 "as a superuser EXPLAIN queries also where other roles own functions that planning may run");
    app.add_option("--save", options->save, "write what was seen to FILE, without query literals");
    app.add_option("--from", options->from, "judge what FILE holds instead of a server");
  };
  c.run = [options] { return diagnose(*options); };
  return c;
}

}  // namespace pgvigil
