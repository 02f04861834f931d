#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "agent/commands/command.h"
#include "agent/settings/conninfo.h"

namespace pgvigil {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Ended {
  int code;
  std::string out, err;
};

Ended run(const std::vector<Command>& commands, std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "pgvigil");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = run_commands(static_cast<int>(arguments.size()), arguments.data(), commands);
  std::fflush(stdout);
  Ended ended{code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
  return ended;
}

// A command that connects, and tells where.
Command connecting() {
  const auto options = std::make_shared<ConnectionOptions>();
  return {.name = "connect",
          .description = "connects",
          .setup = [options](CLI::App& app) { options->add_to(app); },
          .run =
              [options] {
                const LoadedSettings loaded = options->load();
                if (!loaded.ok()) return fail(loaded, 3);
                std::fputs(loaded.settings.targets.at(0).conninfo.c_str(), stdout);
                return 0;
              },
          .trouble_exit = 3};
}
Command throwing() {
  return {.name = "throw", .description = "throws", .run = []() -> int { throw std::runtime_error("it broke"); }};
}

std::vector<Command> all() {
  return {grants_command(), config_command(), catalog_command(), version_command(), connecting(), throwing()};
}

std::string temporary(const std::string& text) {
  char name[] = "/tmp/pgvigil-cli-XXXXXX";
  ::close(::mkstemp(name));
  std::ofstream(name) << text;
  return name;
}

TEST(Cli, HelpAndVersionGoToStdout) {
  const Ended help = run(all(), {"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.err, "");
  for (const Command& c : all()) EXPECT_THAT(help.out, AllOf(HasSubstr(c.name), HasSubstr(c.description)));
  EXPECT_EQ(run(all(), {"--version"}).out, std::string("pgvigil ") + PGVIGIL_VERSION + "\n");
  EXPECT_THAT(run(all(), {"version"}).out, StartsWith(std::string("pgvigil ") + PGVIGIL_VERSION + ", libpq 1"));
}

TEST(Cli, WrongArgumentsAreOneLineAndAHint) {
  for (const std::vector<const char*>& wrong :
       std::vector<std::vector<const char*>>{{}, {"nonsense"}, {"grants", "--pg", "9"}, {"config"}}) {
    const Ended e = run(all(), wrong);
    EXPECT_EQ(e.code, 2);
    EXPECT_EQ(e.out, "");
    EXPECT_THAT(e.err, AllOf(StartsWith("pgvigil: "), HasSubstr("\nhint: ")));
    EXPECT_EQ(std::count(e.err.begin(), e.err.end(), '\n'), 2) << e.err;
  }
  EXPECT_EQ(run(all(), {"connect", "--bogus"}).code, 3) << "its exit code is a state: unknown";
}

TEST(Cli, NoSecretFromTheCommandLineIsPrinted) {
  for (const std::vector<const char*>& wrong :
       std::vector<std::vector<const char*>>{{"connect", "a", "postgres://u:c4nary@h/d"},
                                             {"connect", "--pass=c4nary"},
                                             {"connect", "host=a password=c4nary x"},
                                             {"connect", "postgres://u:c4nary@[::1/d"}}) {
    const Ended e = run(all(), wrong);
    EXPECT_EQ(e.code, 3);
    EXPECT_THAT(e.err, AllOf(Not(HasSubstr("c4nary")), HasSubstr("hint: "))) << e.err;
  }
}

TEST(Cli, AnExceptionIsOneLine) {
  const Ended e = run(all(), {"throw"});
  EXPECT_EQ(e.code, 2);
  EXPECT_EQ(e.err, "pgvigil: throw: it broke\n");
}

TEST(Cli, ConnectsAsPsqlDoes) {
  const auto values = [](std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "connect");
    const Ended e = run(all(), arguments);
    EXPECT_EQ(e.code, 0) << e.err;
    return parse_conninfo(e.out).value_or(ConninfoValues{});
  };
  using V = ConninfoValues;
  EXPECT_EQ(values({}), V{});
  EXPECT_EQ(values({"app"}), (V{{"dbname", "app"}}));
  EXPECT_EQ(values({"-h", "db", "-p", "6000", "-U", "me", "-d", "x y"}),
            (V{{"host", "db"}, {"port", "6000"}, {"user", "me"}, {"dbname", "x y"}}));
  EXPECT_EQ(values({"postgresql://u@h/d?sslmode=require", "-p", "1"}),
            (V{{"host", "h"}, {"user", "u"}, {"dbname", "d"}, {"sslmode", "require"}, {"port", "1"}}));
  EXPECT_EQ(values({"-d", "host=h2 dbname=z", "-U", "q"}), (V{{"host", "h2"}, {"dbname", "z"}, {"user", "q"}}));
  EXPECT_EQ(values({"-d", "it's"}), (V{{"dbname", "it's"}}));
}

TEST(Cli, ArgumentsReplaceTheTargetsOfAFile) {
  const std::string file = temporary("targets: [{conninfo: host=fromfile}]\n");
  EXPECT_EQ(run(all(), {"connect", "-c", file.c_str()}).out, "host=fromfile");
  EXPECT_EQ(run(all(), {"connect", "-c", file.c_str(), "host=other"}).out, "host=other");
  EXPECT_EQ(run(all(), {"connect", "-c", "/nonexistent"}).code, 3);
  std::filesystem::remove(file);
}

TEST(Cli, ConfigCheckAndPrint) {
  const std::string good = temporary("http: {token: c4nary}\n"), bad = temporary("http:\n  prot: 1\n");
  const Ended checked = run(all(), {"config", "check", good.c_str()});
  EXPECT_EQ(checked.code, 0) << checked.err;
  EXPECT_EQ(checked.out, good + ": ok, 1 target, 0 receivers\n");
  const Ended refused = run(all(), {"config", "check", bad.c_str()});
  EXPECT_EQ(refused.code, 1);
  EXPECT_EQ(refused.err, "pgvigil: " + bad + ":2:3: unknown key \"prot\" in http\nhint: did you mean \"port\"?\n");
  const Ended printed = run(all(), {"config", "print", "-c", good.c_str()});
  EXPECT_EQ(printed.code, 0);
  EXPECT_THAT(printed.out, AllOf(HasSubstr("token: \"********\""), Not(HasSubstr("c4nary"))));
  EXPECT_EQ(run(all(), {"config", "check"}).code, 2);
  std::filesystem::remove(good);
  std::filesystem::remove(bad);
}

TEST(Cli, GrantsPrintsAScriptAndRefusesAName) {
  EXPECT_THAT(run(all(), {"grants", "--role", "a\"b", "--agents", "2", "--pg", "16"}).out,
              AllOf(HasSubstr("\"a\"\"b\""), HasSubstr("LIMIT 6"), HasSubstr("pg_use_reserved_connections")));
  const Ended e = run(all(), {"grants", "--role", "pg_x"});
  EXPECT_EQ(e.code, 2);
  EXPECT_EQ(e.out, "");
}

TEST(Cli, CatalogWritesItsFilesAndLeavesForeignOnes) {
  char name[] = "/tmp/pgvigil-catalog-XXXXXX";
  const std::filesystem::path root = ::mkdtemp(name);
  std::filesystem::create_directories(root / "docs/checks");
  std::ofstream(root / "docs/checks/gone_check.md") << "# Gone\n\n`gone_check` is a cause. It was.\n";
  std::ofstream(root / "docs/checks/notes.md") << "# Notes\n\nby hand\n";
  EXPECT_EQ(run(all(), {"catalog", "--write", root.c_str()}).code, 0);
  EXPECT_TRUE(std::filesystem::exists(root / "config/pgvigil.yaml"));
  EXPECT_FALSE(std::filesystem::exists(root / "docs/checks/gone_check.md"));
  EXPECT_TRUE(std::filesystem::exists(root / "docs/checks/notes.md"));
  EXPECT_EQ(load_settings(root / "config/pgvigil.yaml").errors.size(), 0u);
  EXPECT_TRUE(nlohmann::json::accept(run(all(), {"catalog", "--format", "json"}).out));
  EXPECT_EQ(run(all(), {"catalog", "--write", "/nonexistent"}).code, 2);
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace pgvigil
