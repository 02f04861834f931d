// The pgvigil agents on this server, our own session among them: one of them speaks for all. What a person runs once
// looks the same while it lasts, which is not long.
#pragma once

#include <set>
#include <utility>

#include "checks/history.h"
#include "checks/probe.h"

namespace pgvigil {

struct AgentSession {
  std::int64_t pid = 0;
  bool self = false;
  std::optional<double> started = {};  // epoch seconds; none where we may not see it
  double age = 0;                      // seconds
  bool alive = true;                   // it asked something within the last minute
};

extern const Probe<AgentSession> agents;

// As of the newest answer; none when it was no answer.
std::optional<std::vector<AgentSession>> agents_seen(const History& history);

// Sessions of this very process, now and before: a connection that was given up may live on in the server for a while.
using OwnSessions = std::set<std::pair<std::int64_t, double>>;  // pid, started

// The session of another agent that was there before us and is alive: it speaks. Null: we do. Sessions whose age we may
// not see do not count: two messages are better than none.
const AgentSession* elder(const std::vector<AgentSession>& all, const OwnSessions& own);
bool is_alone(const std::vector<AgentSession>& all, const OwnSessions& own);  // no other agent, however young

}  // namespace pgvigil
