// The past of a target, out of the agent's state: works when server, agent, Prometheus and Grafana are all down.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "agent/core/recording.h"
#include "agent/core/render_past.h"
#include "agent/settings/settings.h"
#include "agent/store/history_file.h"

namespace pgvigil {

// Why it cannot be told, for fail().
struct NoPast {
  std::string what, why, hint;
};

class Past {
 public:
  // directory: "" for the configured or usual one. target: "" for the only one, or the first of `settings` when
  // `named` says that a person named it there. Throws NoPast.
  Past(const std::string& directory, const std::string& target, const Settings& settings, bool named);

  // As of then (none: the newest record): the observations of the quarter of an hour before, or the minutes where
  // these are gone. Throws NoPast.
  std::variant<Recording, MinutesPast> at(std::optional<Time> when, Time now);
  // The minutes of the span before it, for what began long ago.
  std::vector<Minute> minutes(Time from, Time until);
  const Context& context() const { return target_.context; }
  const std::string& words() const { return words_; }  // of when and from where, after at()
  std::size_t damaged() const { return reader_->damaged(); }

 private:
  std::string directory_, words_;
  std::unique_ptr<HistoryReader> reader_;
  HistoryReader::TargetInfo target_;
};

}  // namespace pgvigil
