// silence add, list, expire: what nobody is to be told of for a while, kept where the agent keeps its state. The agent
// sees a change within seconds.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>

#include "agent/commands/command.h"
#include "agent/commands/when.h"
#include "agent/core/text.h"
#include "agent/pg/now.h"
#include "agent/store/alerts_file.h"

namespace pgvigil {
namespace {

constexpr double longest = 90 * 86400.0;  // seconds; nobody remembers longer what was silenced, and why

struct Options {
  std::string action, file, state, id, until, format = "text";
  double lasts = 0;
  bool everything = false;
  Silence silence;
};

std::string new_id() {
  std::random_device random;
  return fmt::format("{:08x}", random());
}

std::string author() {
  for (const char* name : {"SUDO_USER", "USER", "LOGNAME"})
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return cut(one_line(value), 60);
  return fmt::format("uid {}", getuid());
}

// "" and a message on stderr when there is no place.
std::string directory_of(const Options& o) {
  if (!o.state.empty()) return o.state;
  if (o.file.empty()) return state_directory_to_read();
  const LoadedSettings loaded = load_settings(o.file);
  print_warnings(loaded);
  if (!loaded.ok()) {
    fail(loaded, 2);
    return "";
  }
  if (!loaded.settings.state.enabled) {
    fail("silence", "the configuration keeps no state", "set state.enabled, or silence in Alertmanager", 2);
    return "";
  }
  return loaded.settings.state.directory.empty() ? state_directory_to_read() : loaded.settings.state.directory;
}

std::string matchers(const Silence& s) {
  std::string text;
  for (const auto& [name, glob] : {std::pair{"target", &s.target}, std::pair{"check", &s.check},
                                   std::pair{"object", &s.object}, std::pair{"database", &s.database}})
    if (!glob->empty()) text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, one_line(*glob));
  return text.empty() ? "everything" : text;
}

void show(const Silence& s) {
  std::printf("%s  until %s  %s%s  (%s)\n", s.id.c_str(), utc(s.until).c_str(), matchers(s).c_str(),
              s.comment.empty() ? "" : (": " + one_line(s.comment)).c_str(), s.author.c_str());
}

int add(const Options& o, const std::string& directory, AlertsFile& file) {
  Silence s = o.silence;
  const Time now = utc_now();
  const bool matches = !(s.target.empty() && s.check.empty() && s.object.empty() && s.database.empty());
  if (!matches && !o.everything)
    return fail("silence add", "no matcher is given", "give --target, --check, --object or --database, or --all", 2);
  if (matches && o.everything)
    return fail("silence add", "--all goes with no matcher", "leave --all out to silence only what matches", 2);
  const auto& checks = all_checks();
  if (!s.check.empty() &&
      std::none_of(checks.begin(), checks.end(), [&](const Check* c) { return matches_glob(s.check, c->id); }))
    return fail("silence add", fmt::format("no check is named \"{}\"", one_line(s.check)), "docs/checks lists them", 2);
  if ((o.lasts > 0) == !o.until.empty())
    return fail("silence add", "a silence needs one end", "give --for 2h, or --until 18:00", 2);
  if (o.lasts > 0) {
    s.until = after(now, o.lasts);
  } else if (const auto until = parse_until(o.until, now)) {
    s.until = *until;
  } else {
    return fail("--until " + o.until.substr(0, 60), "this is no time", when_forms, 2);
  }
  if (s.until <= now) return fail("silence add", "the end has passed", "give a time to come", 2);
  if (seconds_between(now, s.until) > longest)
    return fail("silence add", "a silence lasts at most 90 days", "switch the check off in the configuration instead",
                2);
  s.id = new_id();
  s.from = now;
  s.author = author();
  file.add(s);
  show(s);
  std::fprintf(stderr, "kept in %s, for the agent that keeps its state there\n", directory.c_str());
  return 0;
}

int list(const Options& o, AlertsFile& file) {
  const auto all = file.silences(utc_now());
  if (o.format == "json") {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const Silence& s : all)
      out.push_back({{"id", s.id},
                     {"target", s.target},
                     {"check", s.check},
                     {"object", s.object},
                     {"database", s.database},
                     {"from", rfc3339(s.from)},
                     {"until", rfc3339(s.until)},
                     {"comment", s.comment},
                     {"author", s.author}});
    std::printf("%s\n", out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
    return 0;
  }
  for (const Silence& s : all) show(s);
  if (all.empty()) std::fprintf(stderr, "nothing is silenced\n");
  return 0;
}

int expire(const Options& o, AlertsFile& file) {
  if (file.expire(o.id, utc_now())) return 0;
  return fail("silence expire", fmt::format("no silence \"{}\" is in force", one_line(o.id)),
              "pgvigil silence list shows them", 1);
}

int act(const Options& o) {
  const std::string directory = directory_of(o);
  if (directory.empty()) return 2;
  if (access(directory.c_str(), F_OK) != 0)
    return fail("silence", fmt::format("there is no state directory {}", directory),
                "name the agent's with -c FILE or --state DIRECTORY", 2);
  try {
    AlertsFile file(directory);
    return o.action == "add" ? add(o, directory, file) : o.action == "list" ? list(o, file) : expire(o, file);
  } catch (const SqliteError& e) {
    return fail(fmt::format("{}/{}", directory, AlertsFile::name), e.what(),
                "run this as the agent's user, with its state directory", 2);
  }
}

}  // namespace

Command silence_command() {
  const auto o = std::make_shared<Options>();
  Command c;
  c.name = "silence";
  c.description = "tell nobody of what matches until a time: add, list, expire";
  c.setup = [o](CLI::App& app) {
    CLI::App* add = app.add_subcommand("add", "a silence with an end; maintenance of a server: --target NAME --for 1h");
    add->add_option("--target", o->silence.target, "name of the target in the configuration; * and ? as in a shell");
    add->add_option("--check", o->silence.check, "the check whose findings are silenced; * and ? as in a shell");
    add->add_option("--object", o->silence.object, "table, role ... as the report names it");
    add->add_option("--database", o->silence.database, "database of the object");
    add->add_flag("--all", o->everything, "everything");
    add_duration(*add, "--for", o->lasts, 1, longest, "how long");
    add->add_option("--until", o->until, "until when, instead: \"18:00\", ISO 8601");
    add->add_option("--comment", o->silence.comment, "why, for the others");
    CLI::App* list = app.add_subcommand("list", "those in force");
    list->add_option("--format", o->format, "text or json")->check(CLI::IsMember({"text", "json"}));
    CLI::App* expire = app.add_subcommand("expire", "end one now");
    expire->add_option("id", o->id, "as list shows it")->required();
    for (CLI::App* sub : {add, list, expire}) {
      sub->add_option("-c,--config", o->file, "the agent's configuration file");
      sub->add_option("--state", o->state, "the agent's state directory");
      sub->callback([o, name = sub->get_name()] { o->action = name; });
    }
    app.require_subcommand(1);
  };
  c.run = [o] { return act(*o); };
  return c;
}

}  // namespace pgvigil
