// Who receives this server's WAL now: standbys, and other receivers of the stream.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct Standby {
  std::int64_t pid = 0;
  std::string application = {}, user = {}, client = {};
  std::string state = {};       // startup, catchup, streaming, backup, stopping
  std::string sync_state = {};  // async, potential, sync, quorum
  std::optional<std::int64_t> unsent = {}, unflushed = {}, unreplayed = {};  // bytes it is behind
  std::optional<double> reply_age = {};                                      // seconds since it last answered
};

extern const Probe<Standby> standbys;

}  // namespace pgvigil
