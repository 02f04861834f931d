#include "agent/commands/log.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>

#include "agent/core/text.h"

namespace pgvigil {
namespace {

// A reader that stops reading must not stop the agent: a line that does not fit into the pipe is dropped and counted.
class Stderr final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  // Secrets that were known are masked on: those of an HTTP token, say, that is in use until the next start.
  void configure(const std::vector<std::string>& secrets, LogSettings::Format format) {
    const std::lock_guard lock(mutex_);
    for (const std::string& s : secrets)
      if (std::find(secrets_.begin(), secrets_.end(), s) == secrets_.end()) secrets_.push_back(s);
    format_ = format;
  }

 private:
  void sink_it_(const spdlog::details::log_msg& msg) override {
    std::string text = one_line(std::string_view(msg.payload.data(), msg.payload.size()));
    for (const std::string& secret : secrets_)
      for (std::size_t at = 0; !secret.empty() && (at = text.find(secret, at)) != std::string::npos; at += 8)
        text.replace(at, secret.size(), "********");
    const std::string level(spdlog::level::to_string_view(msg.level).data());
    const auto ms = std::chrono::duration_cast<Milliseconds>(msg.time.time_since_epoch()).count();
    const std::string at =
        fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(ms / 1000)), ms % 1000);
    std::string line = format_ == LogSettings::Format::json
                           ? nlohmann::ordered_json{{"time", at}, {"level", level}, {"message", text}}.dump(
                                 -1, ' ', false, nlohmann::json::error_handler_t::replace)
                           : at + " " + level + " " + text;
    if (dropped_ > 0) line = fmt::format("({} lines dropped) ", dropped_) + line;
    line += '\n';
    if (write(STDERR_FILENO, line.data(), line.size()) == static_cast<ssize_t>(line.size()))
      dropped_ = 0;
    else
      ++dropped_;
  }
  void flush_() override {}

  std::vector<std::string> secrets_;
  LogSettings::Format format_ = LogSettings::Format::text;
  std::size_t dropped_ = 0;
};

}  // namespace

void start_log(const Settings& settings) {
  // Non-blocking only where stderr is a pipe of our own: a terminal is shared with whoever started us.
  const int flags = fcntl(STDERR_FILENO, F_GETFL);
  if (isatty(STDERR_FILENO) == 0 && flags >= 0) fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
  // One for the process: other threads may be writing to it.
  static const auto sink = std::make_shared<Stderr>();
  static const auto logger = [] {
    auto made = std::make_shared<spdlog::logger>("pgvigil", sink);
    spdlog::set_default_logger(made);
    return made;
  }();
  sink->configure(settings.secrets(), settings.log.format);
  logger->set_level(spdlog::level::from_str(settings.log.level));
}

}  // namespace pgvigil
