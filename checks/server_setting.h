// Steps that change a setting, and how it is taken back.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "checks/finding.h"
#include "checks/probes/server_settings.h"

namespace pgvigil {

// Of the whole server, without a restart. Values as the server prints them; `before` is what holds now.
Step set_server_setting(std::string_view name, std::string_view value, std::string_view before);
// There where `s` is set: the server, a role, a database. No value: what is set there is taken away.
Step change_setting(const ServerSetting& s, const std::optional<std::string>& value, std::string database);

}  // namespace pgvigil
