#include "agent/store/directory.h"

#include <unistd.h>

#include <cstdlib>

#include "agent/store/history_file.h"

namespace pgvigil {
namespace {

std::optional<std::string> from_process(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

struct Place {
  std::string path;
  bool ours;  // made when it is missing
};

std::vector<Place> in_order(const StatePlaces& places) {
  const auto environment = places.environment ? places.environment : from_process;
  std::vector<Place> all;
  if (const auto d = environment("STATE_DIRECTORY")) all.push_back({d->substr(0, d->find(':')), true});
  all.push_back({places.system, false});
  if (const auto d = environment("XDG_STATE_HOME"); d && d->starts_with('/')) all.push_back({*d + "/pgvigil", true});
  if (const auto d = environment("HOME"); d && d->starts_with('/')) all.push_back({*d + "/.local/state/pgvigil", true});
  return all;
}

}  // namespace

std::string state_directory_to_write(const StatePlaces& places) {
  for (const Place& p : in_order(places))
    if (p.ours || ::access(p.path.c_str(), W_OK | X_OK) == 0) return p.path;
  return "";
}

std::string state_directory_to_read(const StatePlaces& places) {
  const auto all = in_order(places);
  for (const Place& p : all)
    if (::access((p.path + "/" + HistoryFile::name).c_str(), F_OK) == 0) return p.path;
  return all.front().path;
}

}  // namespace pgvigil
