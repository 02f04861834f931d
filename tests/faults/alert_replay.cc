// What an agent does with the reports of a recorded incident, without a server: state machine, outbox, receivers.
//   alert_replay OBSERVATION STATE URL BASE FIRST
// BASE: seconds since 1970 of the first report; FIRST: the report to begin with. Prints the number of each report
// before it is taken, and "done" at the end.
#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "agent/commands/alert_desk.h"
#include "agent/core/evaluate.h"

namespace pgvigil {
namespace {

constexpr int reports = 40;
constexpr double every = 10;  // seconds between reports

Incident made_up(const std::string& check, const std::string& object, Severity severity) {
  Finding f{.check = check, .severity = severity, .object = {"table", object}, .sentence = object + " is in trouble"};
  f.confidence = Confidence::high;
  Incident i;
  i.severity = severity;
  i.causes = {f};
  return i;
}

// The recorded incident from report 3 to 18; beside it one that comes and goes, and one that gets worse.
Report at(const Report& recorded, int n, Time base) {
  Report r = recorded;
  r.at = after(base, n * every);
  if (n < 3 || n > 18) r.incidents.clear();
  if (n >= 6 && n < 12) r.incidents.push_back(made_up("lock_queue", "orders", Severity::critical));
  if (n >= 8 && n < 22)
    r.incidents.push_back(made_up("disk_filling", "data", n < 14 ? Severity::warning : Severity::critical));
  return r;
}

int replay(const char* const* argument) {
  std::ifstream file(argument[1], std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const Recording recording = load_recording(text);
  const Report recorded = judged(recording, {});
  const Time base = Time{} + std::chrono::seconds(std::strtoll(argument[4], nullptr, 10));
  Settings settings;
  settings.targets = {{recorded.target, ""}};
  for (const char* name : {"one", "two"})
    settings.receivers.push_back({.name = name, .url = std::string(argument[3]) + "/" + name});
  spdlog::set_level(spdlog::level::warn);
  boost::asio::io_context io(1);
  const auto work = boost::asio::make_work_guard(io);
  const auto desk = std::make_shared<AlertDesk>(
      io.get_executor(), settings, nullptr,
      Pace{.gap = milliseconds(1), .first_retry = milliseconds(5), .longest_retry = milliseconds(20)});
  desk->open(argument[2]);
  const auto idle = [&] {
    for (const ReceiverStats& s : desk->stats())
      if (s.queued > 0) return false;
    return !desk->keeps();
  };
  for (int n = std::atoi(argument[5]); n < reports; ++n) {
    std::printf("%d\n", n);
    std::fflush(stdout);
    desk->reported(recorded.target, at(recorded, n, base), recording.history);
    const auto enough = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    io.run_for(milliseconds(1));
    while (!idle() && std::chrono::steady_clock::now() < enough) io.run_for(milliseconds(1));
  }
  bool stopped = false;
  boost::asio::co_spawn(io, desk->stop(milliseconds(3000)), [&](const std::exception_ptr&) { stopped = true; });
  while (!stopped) io.run_for(milliseconds(5));
  std::puts("done");
  return 0;
}

}  // namespace
}  // namespace pgvigil

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  return pgvigil::replay(argv);
}
