// A subcommand as a value. Each file of this folder makes one; main.cc lists them.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/core/render_text.h"
#include "agent/settings/settings.h"

namespace CLI {
class App;
}

namespace pgvigil {

struct Command {
  std::string name;
  std::string description;                    // one line, for --help
  std::function<void(CLI::App&)> setup = {};  // adds its options
  std::function<int()> run = {};              // the exit code; data on stdout, all else on stderr
  int trouble_exit = 2;                       // for wrong arguments; 3 where the exit code is a Nagios state
};

Command run_command();
Command diagnose_command();
Command explain_command();
Command silence_command();
Command notify_command();
Command grants_command();
Command config_command();
Command catalog_command();
Command version_command();

// Parses, runs the one that is asked for, and turns whatever goes wrong into one clear line. -h is a host, as in psql;
// help is --help.
int run_commands(int argc, const char* const* argv, const std::vector<Command>& commands);

// "pgvigil: what: why" and "hint: ..." on stderr; returns `exit_code`. `why` may be "".
int fail(std::string_view what, std::string_view why, std::string_view hint, int exit_code);
int fail(const LoadedSettings& loaded, int exit_code);  // every error of a file
void print_warnings(const LoadedSettings& loaded);
TextOptions terminal();  // of stdout: its width, and colour where it has some

// An option that takes "2", "2s", "500 ms" or "1 min", as seconds between `low` and `high`.
void add_duration(CLI::App& app, const std::string& name, double& seconds, double low, double high,
                  const std::string& about);

// Where to connect, as psql takes it, and -c FILE. Add to an App before parsing; keep alive until run.
struct ConnectionOptions {
  std::string conninfo, host, port, user, database, file;

  void add_to(CLI::App& app);          // with the conninfo as an argument
  void add_options_to(CLI::App& app);  // without it
  bool given() const;                  // anything but the file
  std::string complete() const;        // conninfo with the options on top; an unreadable conninfo as it is
  // The file's settings; arguments given beside it replace its targets. Without a file, one target.
  LoadedSettings load(const SettingsSources& sources = system_sources()) const;
};

}  // namespace pgvigil
