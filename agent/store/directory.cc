#include "agent/store/directory.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "agent/store/history_file.h"
#include "agent/store/sqlite.h"

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

namespace fs = std::filesystem;

void make_directory(const std::string& path) {
  std::error_code error;
  if (fs::exists(path, error)) return;
  if (fs::create_directories(path, error)) fs::permissions(path, fs::perms::owner_all, error);
}

void make_file_for_owner_of(const std::string& directory, const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return;
  struct stat about {};
  if (::geteuid() == 0 && ::stat(directory.c_str(), &about) == 0 && ::fchown(fd, about.st_uid, about.st_gid) != 0)
    ::unlink(path.c_str());  // better none than one that its owner cannot open
  ::close(fd);
}

void move_aside(const std::string& directory, const std::string& name) {
  const fs::path file = fs::path(directory) / name;
  std::error_code error;
  fs::rename(file, file.string() + ".damaged", error);
  if (error) fs::remove(file, error);
  for (const char* part : {"-wal", "-shm"}) fs::remove(file.string() + part, error);
}

DirectoryLock::DirectoryLock(const std::string& directory) {
  make_directory(directory);
  const std::string path = directory + "/agent.lock";
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd_ < 0) throw SqliteError(SQLITE_CANTOPEN, "agent.lock cannot be made");
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
  ::close(fd_);
  throw SqliteError(SQLITE_BUSY, "another agent keeps its state there; give this one a state.directory of its own");
}

DirectoryLock::~DirectoryLock() { ::close(fd_); }

FileIdentity::FileIdentity(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) == 0) device_ = about.st_dev, inode_ = about.st_ino;
}

}  // namespace pgvigil
