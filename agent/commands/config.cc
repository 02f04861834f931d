// config check, config print.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "agent/commands/alert_options.h"
#include "agent/commands/command.h"

namespace pgvigil {
namespace {

struct Options {
  std::string action, path;
};

int check(const Options& options) {
  if (options.path.empty()) return fail("config", "no file to check", "pgvigil config check FILE", 2);
  const LoadedSettings loaded = load_settings(options.path);
  print_warnings(loaded);
  if (!loaded.ok()) return fail(loaded, 1);
  if (const std::string why = check_receivers(loaded.settings); !why.empty()) return fail(why, "", "", 1);
  std::printf("%s: ok, %zu target%s, %zu receiver%s\n", options.path.c_str(), loaded.settings.targets.size(),
              loaded.settings.targets.size() == 1 ? "" : "s", loaded.settings.receivers.size(),
              loaded.settings.receivers.size() == 1 ? "" : "s");
  return 0;
}

int print(const Options& options) {
  const LoadedSettings loaded = options.path.empty() ? settings_without_file("") : load_settings(options.path);
  print_warnings(loaded);
  if (!loaded.ok()) return fail(loaded, 1);
  std::fputs(print_settings(loaded.settings).c_str(), stdout);
  return 0;
}

}  // namespace

Command config_command() {
  const auto options = std::make_shared<Options>();
  Command c;
  c.name = "config";
  c.description = "check a configuration file, or print it complete with secrets masked";
  c.setup = [options](CLI::App& app) {
    CLI::App* check = app.add_subcommand("check", "tell what is wrong in FILE, and where; exit 0 or 1");
    check->add_option("file", options->path, "configuration file");
    check->callback([options] { options->action = "check"; });
    CLI::App* print = app.add_subcommand("print", "print the settings in force; without FILE the defaults");
    print->add_option("file", options->path, "configuration file");
    print->callback([options] { options->action = "print"; });
    for (CLI::App* sub : {check, print}) sub->add_option("-c,--config", options->path, "the same as FILE");
    app.require_subcommand(1);
  };
  c.run = [options] { return options->action == "check" ? check(*options) : print(*options); };
  return c;
}

}  // namespace pgvigil
