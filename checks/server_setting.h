// A step that changes a setting of the whole server without a restart, and how it is taken back.
#pragma once

#include <string>
#include <string_view>

#include "checks/finding.h"

namespace pgvigil {

// Values as the server prints them; `before` is what holds now.
Step set_server_setting(std::string_view name, std::string_view value, std::string_view before);

}  // namespace pgvigil
