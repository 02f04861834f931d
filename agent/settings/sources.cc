// Where settings come from in a running process.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "agent/settings/settings.h"

namespace pgvigil {
namespace {

constexpr std::size_t max_bytes = std::size_t{1} << 20;

std::string why() {
  switch (errno) {
    case ENOENT:
      return "does not exist";
    case EACCES:
      return "may not be read by this user";
    default:
      return fmt::format("cannot be read: {}", std::strerror(errno));
  }
}

// O_NONBLOCK: opening a FIFO must not wait for a writer.
SettingsSources::File read_regular_file(const std::string& path) {
  SettingsSources::File file;
  const int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  struct stat about {};
  if (fd < 0 || ::fstat(fd, &about) != 0) {
    file.error = why();
  } else if (!S_ISREG(about.st_mode)) {
    file.error = S_ISDIR(about.st_mode) ? "is a directory" : "is not a regular file";
  } else {
    file.mode = about.st_mode & 07777U;
    char buffer[16384];
    while (true) {
      const ssize_t n = ::read(fd, buffer, sizeof buffer);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) file.error = why();
      if (n <= 0) break;
      file.text.append(buffer, static_cast<std::size_t>(n));
      if (file.text.size() > max_bytes) {
        file = {"", "is larger than 1 MiB", 0};
        break;
      }
    }
  }
  if (fd >= 0) ::close(fd);
  return file;
}

std::optional<std::string> from_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

}  // namespace

SettingsSources system_sources() { return {from_environment, read_regular_file, &all_checks()}; }

}  // namespace pgvigil
