// The agent: one Watch for each target, and the sinks of their reports.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "agent/commands/alert_desk.h"
#include "agent/commands/page_desk.h"
#include "agent/commands/watch.h"
#include "agent/core/metrics.h"
#include "agent/http/server.h"
#include "agent/store/history_keeper.h"

namespace pgvigil {

class Agent {
 public:
  Agent(boost::asio::io_context& io, Settings settings);
  std::optional<HttpError> start();       // an error: nothing was started
  bool reload(const Settings& settings);  // false: refused, and nothing has changed
  void reload_failed(const SettingsError& error);
  boost::asio::awaitable<void> stop();  // within 4 s: connections closed, queued messages sent where they can be

 private:
  struct Watched {
    std::shared_ptr<Watch> watch;
    std::optional<Report> report;
    const History* history = nullptr;
    std::set<std::string> events = {};  // that are in the report, and kept
  };

  std::optional<ConnectError> watch(const TargetSettings& target);
  void published(const std::string& target, const Report& report, const History& history, const Context& context);
  std::string counted() const;
  void publish_metrics();
  void publish_due_metrics();
  void start_when_closed(std::shared_ptr<Watch> watch, std::shared_ptr<Watch> before);
  std::string open_state();  // the directory; "" where nothing can be kept
  void keep(const std::string& target, Watched& w, const Report& report);
  void recall(const std::string& target);
  boost::asio::awaitable<void> heartbeat();

  boost::asio::io_context& io_;
  Settings settings_;
  std::unique_ptr<HistoryKeeper> keeper_;  // none: nothing is kept
  Board board_;
  PageDesk page_{board_};
  std::unique_ptr<HttpServer> http_;
  std::shared_ptr<AlertDesk> desk_;
  std::map<std::string, Watched> targets_;  // by name
  boost::asio::steady_timer timer_;
  SeriesBudget budget_;
  OwnStats own_;
  std::chrono::steady_clock::time_point next_metrics_{};
  bool metrics_due_ = false, stopping_ = false;
};

}  // namespace pgvigil
