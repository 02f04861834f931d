// Who holds connections, who waits for whom and what temporary files grow.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "agent/core/documents.h"
#include "agent/core/json_parts.h"
#include "agent/core/text.h"
#include "checks/blocking.h"
#include "checks/load.h"
#include "checks/probes/connections.h"
#include "checks/probes/temp_files.h"
#include "checks/slots.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

using json::Json;
using json::number;

constexpr std::size_t most_holders = 20, most_trees = 10, most_waiters = 50, most_processes = 20;
// A line is drawn only where the check connections_rising would look for one: less is a pool that warms up or breathes.
constexpr double growth_window = 300, least_span = 59;  // seconds
constexpr double least_growth = 0.1, least_used = 0.4;  // of all slots
constexpr std::size_t text_shown = 500;

struct Holder {
  std::string application, user, database, client;
  double count = 0, idle = 0, idle_in_transaction = 0;
  std::optional<double> oldest = {};
};

std::optional<double> full_in(const Input& in, double slots) {
  const auto all = in.series(connections, growth_window);
  if (all.size() < 3 || slots <= 0) return std::nullopt;
  const double now = connections_used(all.back().rows), before = connections_used(all.front().rows);
  const double seconds = seconds_between(all.front().at, all.back().at);
  if (seconds < least_span || now < least_used * slots || now - before < least_growth * slots) return std::nullopt;
  return std::max(0.0, slots - now) / ((now - before) / seconds);
}

Json connections_of(const Input& in, const Report& report) {
  std::map<std::string, double> states;
  std::map<std::tuple<std::string, std::string, std::string, std::string>, Holder> by_holder;
  for (const ConnectionGroup& g : in.now(connections)) {
    const double n = static_cast<double>(g.count);
    states[g.state.empty() ? "unknown" : g.state] += n;
    Holder& h = by_holder[{g.application, g.user, g.database, g.client}];
    h.application = g.application, h.user = g.user, h.database = g.database, h.client = g.client;
    h.count += n;
    if (g.state == "idle") h.idle += n;
    if (g.state.starts_with("idle in transaction")) h.idle_in_transaction += n;
    if (g.max_transaction_age) h.oldest = std::max(h.oldest.value_or(0), *g.max_transaction_age);
  }
  std::vector<Holder> holders;
  for (auto& [key, h] : by_holder) holders.push_back(std::move(h));
  std::stable_sort(holders.begin(), holders.end(), [](const Holder& a, const Holder& b) { return a.count > b.count; });
  holders.resize(std::min(holders.size(), most_holders));
  Json by_state = Json::array();
  for (const auto& [state, n] : states) by_state.push_back({{"state", state}, {"count", n}});
  return {{"used", number(report.connections_used)},
          {"max", number(report.connections_max)},
          {"full_in_seconds", number(full_in(in, report.connections_max.value_or(0)))},
          {"states", std::move(by_state)},
          {"holders", json::list(holders, [](const Holder& h) {
             return Json{{"application", h.application},
                         {"user", h.user},
                         {"database", h.database},
                         {"client", h.client},
                         {"count", h.count},
                         {"idle", h.idle},
                         {"idle_in_transaction", h.idle_in_transaction},
                         {"max_transaction_seconds", number(h.oldest)}};
           })}};
}

Json session(const Session& s) {
  return {{"pid", s.pid},
          {"application", s.application},
          {"user", s.user},
          {"database", s.database},
          {"state", s.state},
          {"query_id", s.query_id},
          {"query", words::one_line(s.query, text_shown)}};
}

Json waiter(const Waiter& w) {
  const Session& s = *w.session;
  Json out = session(s);
  out.update(Json{{"behind", w.behind},
                  {"depth", w.depth},
                  {"wait", s.wait_event_type + (s.wait_event.empty() ? "" : ":" + s.wait_event)},
                  {"waited_seconds", number(w.waited)}});
  return out;
}

Json tree(const BlockingTree& t) {
  Json waiters = Json::array();
  for (std::size_t i = 0; i < std::min(t.waiters.size(), most_waiters); ++i) waiters.push_back(waiter(t.waiters[i]));
  return {{"pid", t.root_pid},
          {"waiting", t.waiters.size()},
          {"longest_seconds", number(t.longest)},
          {"held_seconds", number(t.held)},
          {"tables", t.tables()},
          {"session", t.root != nullptr ? session(*t.root) : Json()},
          {"waiters", std::move(waiters)}};
}

Json temp_files_of(const Input& in) {
  struct Process {
    std::int64_t pid = 0, bytes = 0, files = 0;
  };
  std::map<std::int64_t, Process> by_pid;
  const Answer* answer = in.seen(temp_files);
  double all = 0;
  for (const TempFiles& t : in.now(temp_files)) {
    Process& p = by_pid[t.pid];
    p.pid = t.pid, p.bytes += t.bytes, p.files += t.files;
    all += static_cast<double>(t.bytes);
  }
  std::vector<Process> processes;
  for (const auto& [pid, p] : by_pid) processes.push_back(p);
  std::stable_sort(processes.begin(), processes.end(), [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  processes.resize(std::min(processes.size(), most_processes));
  const auto servers = in.now(server);
  const bool limited = !servers.empty() && servers.front().temp_file_limit >= 0;
  return {{"bytes", answer != nullptr ? number(all) : Json()},
          {"limit_bytes", limited ? Json(servers.front().temp_file_limit) : Json()},
          {"processes", json::list(processes, [&](const Process& p) {
             const Session* of = nullptr;
             for (const Session& s : in.now(activity))
               if (s.pid == p.pid) of = &s;
             return Json{{"pid", p.pid},
                         {"bytes", p.bytes},
                         {"files", p.files},
                         {"query_id", of != nullptr ? of->query_id : ""},
                         {"query", of != nullptr ? words::one_line(of->query, text_shown) : ""}};
           })}};
}

}  // namespace

std::string activity_document(const Input& in, const Report& report) {
  auto trees = blocking_trees(in);
  trees.resize(std::min(trees.size(), most_trees));
  return json::in_one_line(
      {{"schema", 1},
       {"target", report.target},
       {"at", rfc3339(in.at())},
       {"connections", connections_of(in, report)},
       {"blocking", json::list(trees, tree)},
       {"temp_files", temp_files_of(in)},
       {"cpu", {{"busy", number(report.cpu_busy)}, {"source", report.cpu_source}, {"vcpus", number(vcpus(in))}}}});
}

}  // namespace pgvigil
