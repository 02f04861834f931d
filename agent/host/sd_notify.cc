#include "agent/host/sd_notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace pgvigil {
namespace {

std::string why(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

std::optional<long long> number_from(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  long long value = 0;
  const char* end = text + std::strlen(text);
  const auto [stopped, error] = std::from_chars(text, end, value);
  return error == std::errc() && stopped == end && value > 0 ? std::optional(value) : std::nullopt;
}

}  // namespace

std::string sd_notify(std::string_view state) {
  const char* socket = std::getenv("NOTIFY_SOCKET");
  return socket == nullptr || *socket == '\0' ? std::string() : sd_notify(state, socket);
}

std::string sd_notify(std::string_view state, const std::string& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.empty() || (socket.front() != '/' && socket.front() != '@'))
    return "the notify socket is neither a path nor an abstract name";
  if (socket.size() >= sizeof address.sun_path) return "the name of the notify socket is too long";
  std::memcpy(address.sun_path, socket.data(), socket.size());
  if (socket.front() == '@') address.sun_path[0] = '\0';  // the abstract namespace
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return why("cannot make a socket");
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size());
  ssize_t sent = 0;
  do {
    sent = ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), size);
  } while (sent < 0 && errno == EINTR);
  std::string problem = sent < 0 ? why("cannot notify the service manager") : "";
  ::close(fd);
  return problem;
}

std::optional<double> watchdog_seconds() {
  const auto interval = number_from("WATCHDOG_USEC");
  if (!interval) return std::nullopt;
  // The variables are inherited: they are meant for one process only.
  if (std::getenv("WATCHDOG_PID") != nullptr && number_from("WATCHDOG_PID") != static_cast<long long>(::getpid()))
    return std::nullopt;
  return static_cast<double>(*interval) / 1e6;
}

}  // namespace pgvigil
