#include <fmt/format.h>

#include "checks/check.h"
#include "checks/probes/server_settings.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

std::vector<Finding> evaluate(const Input& in) {
  std::vector<std::string> names;
  for (const ServerSetting& s : in.now(server_settings))
    if (s.pending_restart) names.push_back(words::one_line(s.name, 63));
  if (names.empty()) return {};
  Finding f;
  f.role = Role::advice;
  f.severity = Severity::info;
  f.act_by = ActBy::later;
  f.object = {"server", in.context().target};
  f.sentence =
      fmt::format("{} changed in the configuration and {} for a restart: {}",
                  words::counted(static_cast<double>(names.size()), "setting") + (names.size() == 1 ? " was" : " were"),
                  names.size() == 1 ? "waits" : "wait", words::list(names, 6));
  for (const ServerSetting& s : in.now(server_settings))
    if (s.pending_restart && f.evidence.size() < 10)
      f.evidence.push_back({words::one_line(s.name, 63), fmt::format("still runs with {}", in_words(s))});
  f.confidence = Confidence::high;
  f.basis = "the server marks them";
  return {f};
}

std::string fine(const Input&) { return "no changed setting waits for a restart"; }

Scenario one(bool pending) {
  ServerSetting s;
  s.scope = "server", s.name = "max_connections", s.value = "100", s.boot = "100", s.type = "integer";
  s.needs_restart = true;
  s.pending_restart = pending;
  return Scenario().saw(30, server_settings, {s});
}

}  // namespace

extern const Check pending_restart;
const Check pending_restart{
    .id = "pending_restart",
    .title = "A changed setting waits for a restart",
    .why = "What the configuration says is not what runs: the next restart, planned or not, brings the change.",
    .role = Role::advice,
    .reads = {server_settings},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"max_connections was changed", [] { return one(true); }, {Severity::info}},
                 {"all in effect", [] { return one(false); }, {}}},
};

}  // namespace pgvigil
