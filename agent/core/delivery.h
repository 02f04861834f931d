// One edge for one receiver: what is kept on the disk before it is sent, and let go of when it was taken.
#pragma once

#include <string>

#include "agent/core/alerting.h"

namespace pgvigil {

struct Delivery {
  std::string receiver;
  std::string id;   // Notice::id; unique within the receiver
  std::string key;  // of the incident; edges of one key stay in order
  Notice::Edge edge = Notice::Edge::firing;
  std::string title;    // for a digest
  std::string payload;  // without secrets
  Time at{};
};

}  // namespace pgvigil
