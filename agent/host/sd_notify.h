// Word to the service manager, over the datagram socket it names in NOTIFY_SOCKET. Nothing happens without one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgvigil {

// "READY=1", "STOPPING=1", "RELOADING=1", "WATCHDOG=1", "STATUS=..."; lines may be joined by \n. Never blocks.
// "" when it was sent or nobody listens for it; else why not, as one line.
std::string sd_notify(std::string_view state);
std::string sd_notify(std::string_view state, const std::string& socket);  // to this path or "@abstract" name

// How often WATCHDOG=1 is expected, in seconds: notify at least twice as often. None when no watchdog waits for us.
std::optional<double> watchdog_seconds();

}  // namespace pgvigil
