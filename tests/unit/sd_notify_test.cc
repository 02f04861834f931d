#include "agent/host/sd_notify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace pgvigil {
namespace {

using ::testing::HasSubstr;

// The service manager's end: a datagram socket at a path, or in the abstract namespace for "@name".
class Manager {
 public:
  explicit Manager(std::string name) : name_(std::move(name)), fd_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::memcpy(a.sun_path, name_.data(), name_.size());
    if (name_.front() == '@') a.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
    bound = ::bind(fd_, reinterpret_cast<const sockaddr*>(&a), size) == 0;
  }
  ~Manager() {
    ::close(fd_);
    if (name_.front() == '/') ::unlink(name_.c_str());
  }
  std::string receive() const {
    char buffer[256];
    const auto n = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    return n < 0 ? "nothing" : std::string(buffer, static_cast<std::size_t>(n));
  }
  bool bound = false;

 private:
  std::string name_;
  int fd_;
};

class SdNotify : public ::testing::Test {
 protected:
  ~SdNotify() override {
    for (const char* v : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(v);
  }
  const std::string unique = "pgvigil-notify-" + std::to_string(::getpid());
};

TEST_F(SdNotify, ArrivesAtAPathAndAtAnAbstractName) {
  for (const std::string& name : {"/tmp/" + unique, "@" + unique}) {
    const Manager manager(name);
    ASSERT_TRUE(manager.bound) << name;
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    EXPECT_EQ(sd_notify("READY=1\nSTATUS=watching 2 targets"), "");
    EXPECT_EQ(manager.receive(), "READY=1\nSTATUS=watching 2 targets");
  }
}

TEST_F(SdNotify, NobodyListens) {
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_EQ(sd_notify("READY=1"), "");
  EXPECT_THAT(sd_notify("READY=1", "/tmp/" + unique + "-none"), HasSubstr("cannot notify the service manager"));
  EXPECT_THAT(sd_notify("READY=1", "relative"), HasSubstr("neither a path"));
  EXPECT_THAT(sd_notify("READY=1", "/" + std::string(200, 'a')), HasSubstr("too long"));
}

TEST_F(SdNotify, AFullSocketDoesNotBlock) {
  const std::string name = "@" + unique + "-full";
  const Manager manager(name);
  std::string problem;
  for (int i = 0; i < 100'000 && problem.empty(); ++i) problem = sd_notify("WATCHDOG=1", name);
  EXPECT_NE(problem, "");
}

TEST_F(SdNotify, TheWatchdogIsOursOnly) {
  EXPECT_EQ(watchdog_seconds(), std::nullopt);
  ::setenv("WATCHDOG_USEC", "30000000", 1);
  EXPECT_EQ(watchdog_seconds(), 30.0);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_EQ(watchdog_seconds(), 30.0);
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(watchdog_seconds(), std::nullopt);
  ::unsetenv("WATCHDOG_PID");
  for (const char* bad : {"", "0", "-5", "10s"}) {
    ::setenv("WATCHDOG_USEC", bad, 1);
    EXPECT_EQ(watchdog_seconds(), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace pgvigil
