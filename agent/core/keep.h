// The port through which a target's past is kept beyond the window in memory. agent/store implements it.
#pragma once

#include <string>
#include <vector>

#include "agent/core/report.h"

namespace pgvigil {

// A moment in the life of an incident, or an event. The same key is one incident.
struct Moment {
  Time at{};
  std::string kind;      // firing, update, resolved; event
  std::string key = {};  // "" for an event
  std::string check = {};
  Severity severity = Severity::info;
  Object object = {};
  std::string sentence = {};
  Time started{};  // of the incident; of an event when it happened
};

// None of these waits or throws: what cannot be kept is dropped, and said elsewhere.
class Keep {
 public:
  virtual ~Keep() = default;
  virtual void observed(const Context& context, const Observation& observation) = 0;
  virtual void judged(const Report& report) = 0;
  virtual void happened(const std::string& target, const Moment& moment) = 0;
};

// What is known of a target beside its observations, as text for the store; hot queries stay out: they hold literals.
std::string save_context(const Context& context);
Context load_context(const std::string& text);  // throws BadRecording
std::string save_moment(const Moment& moment);
Moment load_moment(const std::string& text);  // throws BadRecording

}  // namespace pgvigil
