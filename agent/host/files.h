// Small files of procfs and cgroupfs, below a root that tests choose.
#pragma once

#include <optional>
#include <string>

namespace pgvigil::host {

std::optional<std::string> read_file(const std::string& path);  // at most 1 MB; none when it cannot be read

}  // namespace pgvigil::host
