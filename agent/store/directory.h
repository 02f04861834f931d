// Where the state lives when the configuration does not say.
#pragma once

#include <cstdint>
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

// Makes the directory, for its owner alone; an error stays for the opening of the file to tell.
void make_directory(const std::string& path);
// An empty file, when it is missing, that the directory's owner can write: root may run a command before the agent.
void make_file_for_owner_of(const std::string& directory, const std::string& path);
// One damaged file is kept as NAME.damaged for whoever wants to look; an older one gives way, so that the directory
// stays bounded.
void move_aside(const std::string& directory, const std::string& file);

// One agent at a time: two would send each other's alerts, and end them. Held until it goes, or the process ends.
// Throws SqliteError where another one holds it, or nothing can be written.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::string& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  int fd_;
};

// Which file it is that stands there now.
class FileIdentity {
 public:
  explicit FileIdentity(const std::string& path);
  bool operator==(const FileIdentity&) const = default;

 private:
  std::uint64_t device_ = 0, inode_ = 0;
};

}  // namespace pgvigil
