// Settings as a session of one role in one database has them, unless it sets its own.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "checks/check.h"
#include "checks/probes/server.h"
#include "checks/probes/server_settings.h"

namespace pgvigil {

// The innermost that is set for them; null where none is. The server's own is the outermost.
const ServerSetting* setting_for(const Input& in, std::string_view name, std::string_view role,
                                 std::string_view database);
// "64MB", "65536" (kB), "-1"; none where it is no size. In bytes, -1 as it is.
std::optional<std::int64_t> size_setting(std::string_view value);
// `s` with what the role and the database set of memory, parallel workers and temporary files.
Server with_settings_of(Server s, const Input& in, std::string_view role, std::string_view database);
void set(Server& s, std::string_view name, std::string_view value);  // one of these; others change nothing

}  // namespace pgvigil
