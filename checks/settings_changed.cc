#include <fmt/format.h>

#include <algorithm>

#include "checks/check.h"
#include "checks/moments.h"
#include "checks/plans/sql.h"
#include "checks/probes/server_settings.h"
#include "checks/server_setting.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Seconds> window{"window", 15 * 60, "how long a changed setting is told"};
constexpr Setting<Count> most{"most", 8, "changes told one by one; more of one moment are counted"};

// One setting in two looks. Before or after is missing where it was, or is, what PostgreSQL sets by itself.
struct Change {
  std::optional<ServerSetting> before, after;
  Time earliest{}, latest{};
  const ServerSetting& known() const { return after ? *after : *before; }
};

bool same(const ServerSetting& a, const ServerSetting& b) {
  return a.value == b.value && (a.pending_restart || !b.pending_restart);
}

std::string untold(const ServerSetting& s) {
  return s.scope == "server" ? (s.boot.empty() ? "its default" : in_words(s, s.boot)) : "not set";
}

std::vector<Change> between(const std::span<const ServerSetting>& then, const std::span<const ServerSetting>& now) {
  std::map<std::string, Change> all;
  for (const ServerSetting& s : then) all[server_settings.key(s)].before = s;
  for (const ServerSetting& s : now) all[server_settings.key(s)].after = s;
  std::vector<Change> changes;
  for (auto& [key, c] : all)
    if (!c.before || !c.after || !same(*c.before, *c.after)) changes.push_back(std::move(c));
  return changes;
}

// The rows are asked for some seconds after the server's digest of them moved, and a reload has a time of its own.
void date(const Input& in, Change& c) {
  std::optional<Snapshot<Server>> previous;
  for (const auto& answer : in.series(server, in.history().keep_seconds)) {
    if (answer.rows.empty() || answer.at < c.earliest) {
      if (!answer.rows.empty()) previous = answer;
      continue;
    }
    if (answer.at > c.latest) break;
    const Server& s = answer.rows.front();
    if (previous && previous->rows.front().settings_digest != s.settings_digest) {
      c.earliest = std::max(c.earliest, previous->at);
      c.latest = answer.at;
      const Time loaded = on_our_clock(s, answer.at, s.settings_loaded);
      if (c.known().scope == "server" && seconds_between(previous->at, loaded) > -2 && loaded <= answer.at)
        c.earliest = c.latest = loaded;
      return;
    }
    previous = answer;
  }
}

// Back to what it was, for what ALTER SYSTEM, ALTER ROLE or ALTER DATABASE set. Lists would need care with their
// quotes.
std::optional<Step> undo(const Input& in, const Change& c) {
  const ServerSetting& s = c.known();
  if (s.type == "string" || s.type.empty() || s.hidden) return std::nullopt;
  if (s.scope == "server" && (c.after ? c.after : c.before)->file != "postgresql.auto.conf") return std::nullopt;
  std::string database = "postgres";
  for (const Server& v : in.now(server)) database = v.database;
  const bool set = c.before && (s.scope != "server" || c.before->file == "postgresql.auto.conf");
  Step step = change_setting(s, set ? std::optional(in_words(*c.before)) : std::nullopt, std::move(database));
  step.title = fmt::format("set {}{} back", s.name, owner_of(s));
  step.caution = "somebody changed it on purpose: ask first";
  step.straight_path = false;
  return step;
}

Finding describe(const Input& in, const Change& c) {
  const ServerSetting& s = c.known();
  const std::string before = c.before ? in_words(*c.before) : untold(s),
                    after = c.after ? in_words(*c.after) : untold(s);
  const std::string name = words::one_line(s.name, 63) + owner_of(s);
  const bool waits = c.after && c.after->pending_restart && (!c.before || c.before->value == c.after->value);
  Finding f;
  f.role = Role::event;
  f.severity = Severity::info;
  f.act_by = ActBy::later;
  f.object = {"setting", name};
  f.since = c.latest;
  const std::string when = words::when(c.earliest, c.latest);
  if (waits)
    f.sentence = fmt::format("{} was changed {}, and takes effect with a restart", name, when);
  else if (s.hidden)
    f.sentence = fmt::format("{} was changed {} (values that may hold a secret are not shown)", name, when);
  else if (s.scope != "server" && !c.before)
    f.sentence = fmt::format("{} was set to {} {}", name, after, when);
  else if (s.scope != "server" && !c.after)
    f.sentence = fmt::format("{} was taken back {}: it was {}", name, when, before);
  else
    f.sentence = fmt::format("{} was changed from {} to {} {}", name, before, after, when);
  f.evidence = {{"before", before}, {"now", after}};
  if (c.after && !c.after->file.empty()) f.evidence.push_back({"set in", words::one_line(c.after->file, 80)});
  f.confidence = Confidence::high;
  f.basis = "the server's own list of settings, in two looks";
  if (auto step = undo(in, c))
    f.remedies.push_back({Remedy::Kind::first_aid, "back to what it was", {std::move(*step)}});
  return f;
}

// One look cannot know what was set before; that the configuration was loaded anew it can.
std::vector<Finding> one_look(const Input& in) {
  std::vector<Finding> found;
  for (const Server& s : in.now(server)) {
    if (s.settings_loaded <= s.start_time + 10) continue;
    const Time loaded = on_our_clock(s, in.seen(server)->at, s.settings_loaded);
    if (seconds_between(loaded, in.at()) > in[window]) continue;
    Finding f;
    f.role = Role::event;
    f.severity = Severity::info;
    f.act_by = ActBy::later;
    f.object = {"server", in.context().target};
    f.sentence = fmt::format("the configuration was loaded again at {}; what it changed one look cannot tell",
                             words::clock(loaded));
    f.since = loaded;
    f.evidence = {{"loaded", words::duration(seconds_between(loaded, in.at())) + " ago"}};
    f.confidence = Confidence::high;
    f.basis = "the server says when it read its configuration";
    found.push_back(std::move(f));
  }
  return found;
}

std::vector<Finding> evaluate(const Input& in) {
  if (in.context().one_shot) return one_look(in);
  std::vector<Finding> found;
  const auto looks = in.series(server_settings, in.history().keep_seconds);
  for (std::size_t i = 1; i < looks.size(); ++i) {
    std::vector<Change> changes = between(looks[i - 1].rows, looks[i].rows);
    for (std::size_t k = 0; k < changes.size(); ++k) {
      changes[k].earliest = looks[i - 1].at, changes[k].latest = looks[i].at;
      date(in, changes[k]);
      if (seconds_between(changes[k].latest, in.at()) > in[window]) break;
      if (k > 0 && static_cast<double>(k) >= in[most]) {
        found.back().sentence +=
            fmt::format(", and {}", words::counted(static_cast<double>(changes.size() - k), "more setting"));
        break;
      }
      found.push_back(describe(in, changes[k]));
    }
  }
  return found;
}

std::string fine(const Input& in) {
  const auto looks = in.series(server_settings, in.history().keep_seconds);
  if (in.context().one_shot || looks.size() < 2) return {};
  return "no setting changed since " + words::clock(looks.front().at);
}

ServerSetting setting(std::string value, std::string name = "work_mem") {
  ServerSetting s;
  s.scope = "server";
  s.name = std::move(name);
  s.value = std::move(value);
  s.unit = "kB", s.boot = "4096", s.type = "integer", s.file = "postgresql.auto.conf";
  return s;
}

Scenario story(std::vector<ServerSetting> before, std::vector<ServerSetting> now) {
  Scenario s;
  Server v;
  for (const int ago : {50, 40, 30, 20, 10}) {
    v.now = 1.7e9 - ago;
    v.settings_loaded = ago >= 30 ? 1.6e9 : 1.7e9 - 24;
    v.settings_digest = ago >= 30 ? 1 : 2;
    s.saw(ago, server, {v});
  }
  return s.saw(45, server_settings, std::move(before)).saw(15, server_settings, std::move(now));
}

Scenario of_a_role() {
  ServerSetting s = setting("1s", "statement_timeout");
  s.scope = "role", s.role = "app", s.unit = s.boot = s.file = "";
  return story({}, {s});
}

Scenario hidden() {
  ServerSetting a = setting("hidden 17", "archive_command"), b = setting("hidden 99", "archive_command");
  a.hidden = b.hidden = true;
  return story({a}, {b});
}

Scenario many() {
  std::vector<ServerSetting> all;
  for (int i = 0; i < 20; ++i) all.push_back(setting("64", fmt::format("setting_{:02}", i)));
  return story({}, all);
}

Scenario reloaded(double ago) {
  Scenario s;
  s.context.one_shot = true;
  Server v;
  v.now = 1.7e9, v.start_time = 1.6e9, v.settings_loaded = 1.7e9 - ago;
  return s.saw(0, server, {v}).saw(0, server_settings, {setting("64")});
}

}  // namespace

extern const Check settings_changed;
const Check settings_changed{
    .id = "settings_changed",
    .title = "A setting was changed",
    .why =
        "The same queries under another setting may plan, wait or fail differently: look here first when it got slow "
        "then.",
    .role = Role::event,
    .reads = {server, server_settings},
    .settings = {window, most},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"less memory for sorts", [] { return story({setting("65536")}, {setting("64")}); }, {Severity::info}},
                 {"set for the first time", [] { return story({}, {setting("64")}); }, {Severity::info}},
                 {"a time limit for one role", of_a_role, {Severity::info}},
                 {"a command, whose text may hold a password", hidden, {Severity::info}},
                 {"twenty at once", many, std::vector<Severity>(8, Severity::info)},
                 {"one-shot: the configuration was loaded again", [] { return reloaded(60); }, {Severity::info}},
                 {"one-shot: loaded long ago", [] { return reloaded(6'000); }, {}},
                 {"the same as before", [] { return story({setting("64")}, {setting("64")}); }, {}}},
};

}  // namespace pgvigil
