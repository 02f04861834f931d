#include "agent/commands/agent.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <filesystem>
#include <fstream>

#include "agent/host/sd_notify.h"
#include "agent/http/exposition.h"
#include "agent/net/url.h"
#include "agent/store/directory.h"
#include "checks/words.h"

namespace pgvigil {
namespace asio = boost::asio;
using SteadyClock = std::chrono::steady_clock;
using std::chrono::seconds;

namespace {

constexpr double recalled = 15 * 60;      // seconds of the past that a new process starts with
constexpr Milliseconds last_write{1500};  // for what is not on the disk yet when we are told to stop
constexpr auto last_words = seconds(3);   // for messages still queued when we are told to stop

double own_cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

std::optional<double> resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0, resident = 0;
  if (!(statm >> total >> resident)) return std::nullopt;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

std::optional<double> open_files() {
  std::error_code error;
  double n = 0;
  for (auto it = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error))
    ++n;
  return error ? std::nullopt : std::optional(n);
}

HttpOptions http_options(const Settings& s) {
  HttpOptions o;
  o.address = s.http.address;
  o.port = s.http.port;
  o.token = s.http.token;
  o.insecure = s.http.insecure;
  o.interval_seconds = s.schedule.cycle;
  // As for the watchdog: a slow schedule is no standstill.
  o.stuck_after =
      std::max(o.stuck_after, std::chrono::milliseconds(static_cast<std::int64_t>(6000 * s.schedule.cycle)));
  std::string why;  // the settings were checked
  if (const auto outside = net::parse_url(s.alerting.external_url, why)) o.hosts.push_back(outside->host);
  return o;
}

bool same_connection(const TargetSettings& a, const TargetSettings& b) {
  return a.conninfo == b.conninfo && a.databases == b.databases && a.allow_superuser == b.allow_superuser;
}

}  // namespace

Agent::Agent(asio::io_context& io, Settings settings) : io_(io), settings_(std::move(settings)), timer_(io) {
  own_.version = PGVIGIL_VERSION;
  own_.start_time = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  own_.reload_succeeded = 1;
  own_.reload_time = own_.start_time;
}

std::optional<HttpError> Agent::start() {
  if (const std::string why = check_receivers(settings_); !why.empty()) return HttpError{why, ""};
  const std::string directory = open_state();
  page_.open(keeper_.get());
  page_.configure(settings_.events.deploys_file);
  for (const TargetSettings& t : settings_.targets)
    if (const auto error = watch(t))
      return HttpError{fmt::format("target {}: {}", t.name, error->message), error->hint};
  if (settings_.http.enabled) {
    HttpOptions options = http_options(settings_);
    options.past = page_.past();
    http_ = std::make_unique<HttpServer>(io_.get_executor(), std::move(options), board_);
    if (auto error = http_->start()) return error;
    spdlog::info("page and metrics at http://{}:{}/", settings_.http.address, http_->port());
  }
  desk_ = std::make_shared<AlertDesk>(io_.get_executor(), settings_, &page_);
  desk_->open(directory);
  for (auto& [name, watched] : targets_) {
    recall(name);
    watched.watch->start();
  }
  asio::co_spawn(io_, heartbeat(), asio::detached);
  spdlog::info("pgvigil {}: {}", PGVIGIL_VERSION, counted());
  return std::nullopt;
}

std::optional<ConnectError> Agent::watch(const TargetSettings& target) {
  auto conninfo = Conninfo::parse(target.conninfo);
  if (!conninfo) return conninfo.error();
  const std::string name = target.name;
  page_.watch(name);
  targets_[name].watch = std::make_shared<Watch>(
      io_.get_executor(), target, settings_, *conninfo,
      [this, name](const Report& report, const History& history, const Context& context) {
        published(name, report, history, context);
      },
      &page_);
  return std::nullopt;
}

std::string Agent::open_state() {
  if (!settings_.state.enabled) return "";
  const std::string& given = settings_.state.directory;
  const std::string directory = given.empty() ? state_directory_to_write() : given;
  if (directory.empty()) {
    own_.state_degraded = 1;
    spdlog::warn("no state directory can be written: nothing is kept beyond 15 minutes; set state.directory");
    return "";
  }
  keeper_ = std::make_unique<HistoryKeeper>(
      KeeperOptions{.directory = directory,
                    .limits = {settings_.state.max_size, settings_.state.keep},
                    .now = utc_now,
                    .say = [](bool degraded, const std::string& what) {
                      spdlog::log(degraded ? spdlog::level::warn : spdlog::level::info, "{}", what);
                    }});
  spdlog::info("state in {}", directory);
  return directory;
}

// The window of the process before us, so that baselines survive a restart.
void Agent::recall(const std::string& target) {
  if (!keeper_) return;
  page_.recall(target,
               [executor = io_.get_executor()](std::function<void()> task) { asio::post(executor, std::move(task)); });
  const Time now = utc_now();  // what a clock that ran ahead has left is not of our past
  keeper_->recall(target, after(now, -recalled), now,
                  [this, target, executor = io_.get_executor(),
                   watch = std::weak_ptr(targets_.at(target).watch)](std::vector<Observation> all) {
                    asio::post(executor, [this, target, watch, all = std::move(all)]() mutable {
                      const auto w = watch.lock();
                      if (!w) return;
                      board_.recalled(target, all);
                      w->recall(std::move(all));
                    });
                  });
}

void Agent::keep(const std::string& target, Watched& w, const Report& report) {
  page_.judged(report);
  std::set<std::string> there;
  const auto event = [&](const Finding& f) {
    const std::string key = fmt::format("{}\n{}\n{}", f.check, f.object.database, f.object.name);
    there.insert(key);
    if (!w.events.contains(key))
      page_.happened(target, {.at = report.at,
                              .kind = "event",
                              .check = f.check,
                              .severity = f.severity,
                              .object = f.object,
                              .sentence = f.sentence,
                              .started = f.since.value_or(report.at)});
  };
  for (const Finding& f : report.events) event(f);
  for (const Incident& i : report.incidents)
    for (const Finding& f : i.events) event(f);
  w.events = std::move(there);
}

void Agent::published(const std::string& target, const Report& report, const History& history, const Context& context) {
  const auto it = targets_.find(target);
  if (stopping_ || it == targets_.end()) return;
  Watched& w = it->second;
  const bool changed = !w.report || w.report->verdict != report.verdict || w.report->reachable != report.reachable;
  if (changed) spdlog::info("{}: {}: {}", target, to_string(report.verdict), report.headline);
  w.report = report;
  w.history = &history;
  own_.reports = own_.reports.value_or(0) + 1;
  desk_->reported(target, report, history);
  w.watch->firing(desk_->firing(target));
  keep(target, w, report);
  page_.reported(report, history, context, desk_->open_incidents(target));
  board_.ready(true);
  metrics_due_ = true;
  publish_due_metrics();
}

std::string Agent::counted() const {
  return words::counted(static_cast<double>(targets_.size()), "target") + ", " +
         words::counted(static_cast<double>(settings_.receivers.size()), "receiver");
}

// The page holds all targets: with many of them it is not made anew for each report, but takes a twentieth of the time.
void Agent::publish_due_metrics() {
  const auto begun = SteadyClock::now();
  if (!metrics_due_ || begun < next_metrics_) return;
  publish_metrics();
  next_metrics_ = begun + 20 * (SteadyClock::now() - begun);
}

void Agent::publish_metrics() {
  metrics_due_ = false;
  std::vector<TargetMetrics> all;
  for (const auto& [name, w] : targets_)
    all.push_back(
        {name,
         w.history,
         w.report ? &*w.report : nullptr,
         {settings_.schedule.sample, settings_.schedule.cycle, settings_.schedule.sweep, settings_.schedule.slow},
         desk_->sends(name)});
  own_.cpu_seconds = own_cpu_seconds();
  own_.resident_bytes = resident_bytes();
  own_.open_files = open_files();
  own_.receivers.clear();
  for (const auto& r : desk_->stats())
    own_.receivers.push_back({r.name, static_cast<double>(r.sent), static_cast<double>(r.failed),
                              static_cast<double>(r.dropped), static_cast<double>(r.queued), r.oldest_seconds});
  own_.silences = static_cast<double>(desk_->silences());
  if (keeper_) own_.state_degraded = keeper_->degraded() || desk_->degraded() ? 1 : 0;
  board_.agent(std::make_shared<const std::string>(own_document(own_, keeper_ != nullptr)));
  board_.metrics(std::make_shared<const std::string>(exposition(metrics(all, own_, utc_now(), budget_))));
}

// Feeds /healthz and the service manager's watchdog with the slowest target's progress, not with its own beat.
asio::awaitable<void> Agent::heartbeat() {
  sd_notify("READY=1");
  while (!stopping_) {
    auto slowest = SteadyClock::now();
    for (const auto& [name, w] : targets_) slowest = std::min(slowest, w.watch->progress());
    board_.progress(slowest);
    const auto patience =
        std::max(seconds(30), std::chrono::ceil<seconds>(std::chrono::duration<double>(6 * settings_.schedule.cycle)));
    if (SteadyClock::now() - slowest < patience) {
      sd_notify("WATCHDOG=1");
      if (desk_ && own_.reports.value_or(0) > 0) desk_->alive();  // to start again and again is no sign of life
    }
    publish_due_metrics();
    const auto due = SteadyClock::now() + seconds(1);
    timer_.expires_at(due);
    boost::system::error_code woken;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    own_.loop_lag_seconds = std::max(0.0, std::chrono::duration<double>(SteadyClock::now() - due).count());
  }
}

bool Agent::reload(const Settings& settings) {
  sd_notify("RELOADING=1");
  for (const TargetSettings& t : settings.targets)
    if (const auto conninfo = Conninfo::parse(t.conninfo); !conninfo) {
      reload_failed(
          {.message = fmt::format("target {}: {}", t.name, conninfo.error().message), .hint = conninfo.error().hint});
      return false;
    }
  if (const std::string why = check_receivers(settings); !why.empty()) {
    reload_failed({.message = why, .hint = ""});
    return false;
  }
  const Settings old = std::exchange(settings_, settings);
  if (old.http.address != settings.http.address || old.http.port != settings.http.port ||
      old.http.enabled != settings.http.enabled || old.http.token != settings.http.token ||
      old.http.insecure != settings.http.insecure)
    spdlog::warn("http settings changed: they take effect at the next start");
  if (settings.http.enabled &&
      (old.alerting.external_url != settings.alerting.external_url || old.schedule.cycle != settings.schedule.cycle))
    spdlog::warn("the page and /healthz go by the old alerting.external_url and schedule.cycle until the next start");
  if (old.state.enabled != settings.state.enabled || old.state.directory != settings.state.directory ||
      old.state.max_size != settings.state.max_size || old.state.keep != settings.state.keep)
    spdlog::warn("state settings changed: they take effect at the next start");
  std::map<std::string, Watched> kept;
  for (const TargetSettings& t : settings_.targets)
    if (const auto it = targets_.find(t.name);
        it != targets_.end() && same_connection(it->second.watch->settings(), t)) {
      it->second.watch->configure(t, settings_);
      kept.insert(targets_.extract(it));
    }
  std::map<std::string, Watched> gone = std::exchange(targets_, std::move(kept));
  std::map<std::string, std::shared_ptr<Watch>> old_ways;
  for (auto& [name, w] : gone) {
    w.watch->stop();
    old_ways[name] = w.watch;
  }
  for (const TargetSettings& t : settings_.targets)
    if (!targets_.contains(t.name)) {
      watch(t);
      gone.erase(t.name);  // the same target by another way in: its open alerts go on
      recall(t.name);
      start_when_closed(targets_[t.name].watch, old_ways[t.name]);
    }
  for (auto& [name, w] : gone) {
    page_.retire(name);
    desk_->retire(name);
  }
  desk_->configure(settings_);
  page_.configure(settings_.events.deploys_file);
  own_.reload_succeeded = 1;
  own_.reload_time = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  publish_metrics();
  spdlog::info("configuration reloaded: {}", counted());
  sd_notify("READY=1");
  return true;
}

// Never more than two connections to a server, also where it is reached by another way now.
void Agent::start_when_closed(std::shared_ptr<Watch> watch, std::shared_ptr<Watch> before) {
  if (!before) return watch->start();
  const auto wait = [](asio::any_io_executor executor, std::shared_ptr<Watch> next,
                       std::shared_ptr<Watch> old) -> asio::awaitable<void> {
    asio::steady_timer timer(executor);
    const auto enough = SteadyClock::now() + last_words;
    while (!old->closed() && SteadyClock::now() < enough) {
      timer.expires_after(std::chrono::milliseconds(20));
      co_await timer.async_wait(asio::use_awaitable);
    }
    if (!next->stopping()) next->start();
  };
  const auto executor = io_.get_executor();
  asio::co_spawn(executor, wait(executor, std::move(watch), std::move(before)), asio::detached);
}

void Agent::reload_failed(const SettingsError& error) {
  own_.reload_succeeded = 0;
  publish_metrics();
  spdlog::error("configuration not reloaded, the old one stays: {}", error.to_string());
  sd_notify("READY=1");
}

asio::awaitable<void> Agent::stop() {
  stopping_ = true;
  sd_notify("STOPPING=1");
  timer_.cancel();
  for (auto& [name, w] : targets_) w.watch->stop();
  const auto enough = SteadyClock::now() + last_words;
  if (desk_) co_await desk_->stop(last_words);
  const auto open = [&] {
    return std::any_of(targets_.begin(), targets_.end(), [](const auto& t) { return !t.second.watch->closed(); });
  };
  while (open() && SteadyClock::now() < enough) {
    timer_.expires_after(std::chrono::milliseconds(20));
    boost::system::error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  if (http_) http_->stop();
  if (keeper_ && !keeper_->stop(last_write))
    spdlog::warn("the state directory does not answer: the last seconds are lost");
}

}  // namespace pgvigil
