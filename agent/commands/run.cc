// `pgvigil run`: the agent. Watches every target, serves what it sees, alerts.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>

#include "agent/commands/agent.h"
#include "agent/commands/command.h"
#include "agent/commands/log.h"

namespace pgvigil {
namespace asio = boost::asio;
namespace {

asio::awaitable<void> obey_signals(asio::io_context& io, Agent& agent, const ConnectionOptions& connection) {
  asio::signal_set signals(io, SIGINT, SIGTERM, SIGHUP);
  for (;;) {
    const int which = co_await signals.async_wait(asio::use_awaitable);
    if (which != SIGHUP) break;
    // All or nothing: a file with a mistake changes nothing.
    const LoadedSettings loaded = connection.load();
    if (!loaded.ok()) {
      agent.reload_failed(loaded.errors.front());
      continue;
    }
    for (const std::string& w : loaded.warnings) spdlog::warn("{}", w);
    if (agent.reload(loaded.settings)) start_log(loaded.settings);
  }
  spdlog::info("stopping");
  co_await agent.stop();
  io.stop();
}

int run(const ConnectionOptions& connection) {
  const LoadedSettings loaded = connection.load();
  print_warnings(loaded);
  if (!loaded.ok()) return fail(loaded, 1);
  start_log(loaded.settings);
  asio::io_context io(1);
  Agent agent(io, loaded.settings);
  if (const auto error = agent.start()) return fail(error->message, "", error->hint, 1);
  asio::co_spawn(io, obey_signals(io, agent, connection), asio::detached);
  io.run();
  return 0;
}

}  // namespace

Command run_command() {
  const auto connection = std::make_shared<ConnectionOptions>();
  Command c;
  c.name = "run";
  c.description = "the agent: watch, serve the page and /metrics, alert";
  c.setup = [connection](CLI::App& app) { connection->add_to(app); };
  c.run = [connection] { return run(*connection); };
  return c;
}

}  // namespace pgvigil
