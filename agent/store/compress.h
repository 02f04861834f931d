// Bodies in the store: deflated, with a checksum, so that a flipped bit is seen.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgvigil {

std::string compressed(std::string_view text);
std::optional<std::string> decompressed(std::string_view bytes);  // none when they are damaged, or above 256 MiB

}  // namespace pgvigil
