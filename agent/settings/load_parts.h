// The parts of the configuration that are read in a file of their own, and what the readers share.
#pragma once

#include <string>
#include <string_view>

#include "agent/settings/section.h"
#include "agent/settings/settings.h"

namespace pgvigil {

bool is_loopback(const std::string& host);
std::string url_host(std::string_view url);  // "" when it is no http(s) URL or has no host

void read_targets(Section& root, Settings& out, Loading& loading);
void read_receivers(Section& root, Settings& out, Loading& loading);
void read_heartbeat(Section& root, HeartbeatSettings& out, Loading& loading);

}  // namespace pgvigil
