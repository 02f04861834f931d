// What the page and the JSON API show beside the report: each target's load as it comes, what happened lately, and the
// documents made with each report. It is the watchers' way into the past: what it is told, it hands on to the history.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "agent/core/documents.h"
#include "agent/core/keep.h"
#include "agent/host/deploys.h"
#include "agent/http/board.h"
#include "agent/http/routes.h"
#include "agent/store/history_keeper.h"

namespace pgvigil {

class PageDesk final : public Keep {
 public:
  explicit PageDesk(Board& board) : board_(board) {}
  void open(HistoryKeeper* history) { history_ = history; }  // null: nothing is kept beyond memory
  void configure(const std::string& deploys_file);
  void watch(const std::string& target) { targets_[target]; }  // until it is retired
  // What happened to the target within the last day, before this process began. `on_loop` runs a task on the loop.
  // Until that is known events wait: those that an earlier process noted are not noted again.
  void recall(const std::string& target, std::function<void(std::function<void()>)> on_loop);

  void observed(const Context& context, const Observation& observation) override;
  void judged(const Report& report) override;
  void happened(const std::string& target, const Moment& moment) override;

  void reported(const Report& report, const History& history, const Context& context,
                const std::vector<OpenIncident>& open);
  void retire(const std::string& target);
  AskPast past() const;  // for the server; valid as long as the history is

 private:
  struct Watched {
    std::vector<Moment> moments = {};  // of the last day
    std::vector<Moment> waiting = {};  // events that may be among what is recalled
    bool recalling = false;
    Time recall_from{};  // when it began: what was noted before is of an earlier process
    std::vector<JudgedPlan> plans = {};
    Text plans_document = nullptr;
    std::pair<Time, Time> plans_made_from = {};  // answers of plans and known_plans
    std::optional<double> vcpus = {};
    double interval = 1;  // seconds, of samples
  };
  void judge(Watched& w, const Input& in);
  void recalled(const std::string& target, const std::vector<Moment>& earlier);
  std::vector<Moment> newest(const Watched& w, Time now);

  Board& board_;
  HistoryKeeper* history_ = nullptr;
  DeploysFile deploys_file_;
  std::vector<Moment> deploys_;
  std::map<std::string, Watched> targets_;
};

}  // namespace pgvigil
