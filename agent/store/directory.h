// Where the state lives when the configuration does not say.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace pgvigil {

// In this order: $STATE_DIRECTORY (systemd), /var/lib/pgvigil, $XDG_STATE_HOME/pgvigil, ~/.local/state/pgvigil.
struct StatePlaces {
  std::function<std::optional<std::string>(const std::string&)> environment;  // unset: the process's
  std::string system = "/var/lib/pgvigil";
};
// The first that can be written: a directory that is there and writable, or the one below the home, which is made.
// "" when there is none.
std::string state_directory_to_write(const StatePlaces& places = {});
// The first that holds a history; else the first of all.
std::string state_directory_to_read(const StatePlaces& places = {});

}  // namespace pgvigil
