#include "agent/commands/command.h"

#include <fmt/format.h>
#include <langinfo.h>
#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "agent/core/setting_values.h"
#include "agent/settings/conninfo.h"

namespace pgvigil {
namespace {

// What to say about arguments. Their values stay out of it: a surplus one may be a URI with a password.
std::string usage_problem(const CLI::ParseError& error, const CLI::App& app) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    for (const std::string& s : app.remaining(true))
      if (s.size() > 1 && s.front() == '-')
        return fmt::format("unknown option {}", s.substr(0, s.find('=')).substr(0, 40));
    return "one argument too many";
  }
  std::string text = error.what();
  if (!text.empty() && text.front() >= 'A' && text.front() <= 'Z')
    text.front() = static_cast<char>(text.front() - 'A' + 'a');
  return text;
}

int finish_output(int exit_code) {
  const bool flushed = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (flushed || errno == EPIPE) return exit_code;  // a reader that went away is no fault: "pgvigil ... | head"
  return fail("cannot write to standard output", "", "is the disk full?", exit_code == 0 ? 2 : exit_code);
}

}  // namespace

int fail(std::string_view what, std::string_view why, std::string_view hint, int exit_code) {
  std::string text = fmt::format("pgvigil: {}", what);
  if (!why.empty()) text += fmt::format(": {}", why);
  text += '\n';
  if (!hint.empty()) text += fmt::format("hint: {}\n", hint);
  std::fputs(text.c_str(), stderr);
  return exit_code;
}

int fail(const LoadedSettings& loaded, int exit_code) {
  for (const SettingsError& e : loaded.errors) std::fputs(fmt::format("pgvigil: {}\n", e.to_string()).c_str(), stderr);
  return exit_code;
}

void print_warnings(const LoadedSettings& loaded) {
  for (const std::string& w : loaded.warnings) std::fputs(fmt::format("pgvigil: warning: {}\n", w).c_str(), stderr);
}

int run_commands(int argc, const char* const* argv, const std::vector<Command>& commands) {
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app("pgvigil tells which query is killing PostgreSQL, why, and what to type next.", "pgvigil");
  app.set_help_flag("--help", "print this help");
  app.set_version_flag("--version", std::string("pgvigil ") + PGVIGIL_VERSION, "print the version");
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  for (const Command& c : commands) {
    CLI::App* sub = app.add_subcommand(c.name, c.description);
    if (c.setup) c.setup(*sub);
  }
  const auto chosen = [&]() -> const Command* {
    for (const Command& c : commands)
      if (app.got_subcommand(c.name)) return &c;
    return nullptr;
  };
  // A query id may be negative; a word that begins with a blank is no option.
  std::vector<std::string> words;
  for (int i = argc - 1; i > 0; --i) {
    const std::string_view word = argv[i];
    const bool number =
        word.size() > 2 && word[0] == '-' && word.find_first_not_of("0123456789", 1) == std::string_view::npos;
    words.push_back((number ? " " : "") + std::string(word));
  }
  try {
    app.parse(std::move(words));
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return finish_output(app.exit(e));  // --help, --version
    const Command* c = chosen();
    return fail(c == nullptr ? "usage" : c->name, usage_problem(e, app),
                c == nullptr ? "pgvigil --help lists the commands" : fmt::format("pgvigil {} --help", c->name),
                c == nullptr ? 2 : c->trouble_exit);
  }
  const Command* c = chosen();
  try {
    return finish_output(c->run());
  } catch (const std::exception& e) {
    return fail(c->name, e.what(), "", c->trouble_exit);
  }
}

// By the locale of the environment, which our own number formats never follow.
static bool shows_utf8() {
  const locale_t theirs = newlocale(LC_CTYPE_MASK, "", nullptr);
  if (theirs == nullptr) return false;
  const bool utf8 = std::string_view(nl_langinfo_l(CODESET, theirs)) == "UTF-8";
  freelocale(theirs);
  return utf8;
}

TextOptions terminal() {
  TextOptions text;
  if (isatty(STDOUT_FILENO) == 0) return text;
  text.ascii = !shows_utf8();
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) text.width = size.ws_col;
  const char* term = std::getenv("TERM");
  text.colour = std::getenv("NO_COLOR") == nullptr && term != nullptr && std::string_view(term) != "dumb";
  return text;
}

void add_duration(CLI::App& app, const std::string& name, double& seconds, double low, double high,
                  const std::string& about) {
  const CLI::Validator duration(
      [low, high](std::string& text) {
        const auto value = parse_setting(text, Unit::seconds);
        if (!value) return fmt::format("\"{}\" is not {}", text.substr(0, 40), setting_form(Unit::seconds));
        if (*value < low || *value > high)
          return fmt::format("{} is not between {} and {}", text.substr(0, 40), format_setting(low, Unit::seconds),
                             format_setting(high, Unit::seconds));
        text = fmt::format("{}", *value);
        return std::string();
      },
      "DURATION");
  app.add_option(name, seconds, about)
      ->transform(duration)
      ->type_name("DURATION")
      ->default_str(format_setting(seconds, Unit::seconds));
}

void ConnectionOptions::add_to(CLI::App& app) {
  app.add_option("conninfo", conninfo, "URI, key=value string or database name; PG* variables fill the rest");
  add_options_to(app);
}

void ConnectionOptions::add_options_to(CLI::App& app) {
  app.add_option("-h,--host", host, "host or socket directory");
  app.add_option("-p,--port", port, "port");
  app.add_option("-U,--username", user, "role to connect as");
  app.add_option("-d,--dbname", database, "database, or a conninfo");
  app.add_option("-c,--config", file, "configuration file");
}

bool ConnectionOptions::given() const {
  return !(conninfo.empty() && host.empty() && port.empty() && user.empty() && database.empty());
}

std::string ConnectionOptions::complete() const {
  // As in psql, -d takes a whole conninfo too.
  const bool d_is_conninfo = conninfo.empty() && database.find_first_of("=") != std::string::npos;
  const bool d_is_uri = conninfo.empty() && database.find("://") != std::string::npos;
  const std::string base = d_is_conninfo || d_is_uri ? database : conninfo;
  ConninfoValues over;
  if (!host.empty()) over["host"] = host;
  if (!port.empty()) over["port"] = port;
  if (!user.empty()) over["user"] = user;
  if (!database.empty() && base != database) over["dbname"] = database;
  return over.empty() ? base : conninfo_with(base, over);
}

LoadedSettings ConnectionOptions::load(const SettingsSources& sources) const {
  if (file.empty()) return settings_without_file(complete(), sources);
  LoadedSettings loaded = load_settings(file, sources);
  if (!given()) return loaded;
  LoadedSettings asked = settings_without_file(complete(), sources);
  loaded.settings.targets = std::move(asked.settings.targets);
  loaded.errors.insert(loaded.errors.end(), asked.errors.begin(), asked.errors.end());
  return loaded;
}

}  // namespace pgvigil
