// Values of settings as people write them: "1 GiB", "80 %", "5 min".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "checks/check.h"

namespace pgvigil {

// In base units (bytes, seconds, 1). kB, MB, GB and TB are powers of 1024, as in postgresql.conf. None when the text is
// not a finite number >= 0 with a suffix of this unit or none.
std::optional<double> parse_setting(std::string_view text, Unit unit);
// The shortest exact form that parse_setting reads back.
std::string format_setting(double value, Unit unit);
// What to write: `a size, such as "1 GiB"`.
std::string_view setting_form(Unit unit);

}  // namespace pgvigil
