// From a YAML document to settings; every rule about a value is here.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "agent/settings/conninfo.h"
#include "agent/settings/load_parts.h"
#include "agent/settings/section.h"
#include "agent/settings/settings.h"

namespace pgvigil {
namespace {

constexpr std::size_t max_errors = 10;

bool is_ip_address(const std::string& s) {
  unsigned char buffer[sizeof(in6_addr)];
  return inet_pton(AF_INET, s.c_str(), buffer) == 1 || inet_pton(AF_INET6, s.c_str(), buffer) == 1;
}

void read_http(Section& root, HttpSettings& out, Loading& loading) {
  const YamlNode* node = root.map("http");
  if (node == nullptr) return;
  Section s(*node, "http", loading);
  s.flag("enabled", out.enabled);
  if (s.text("address", out.address) && !is_ip_address(out.address))
    s.error("address", "address is not an IP address", "127.0.0.1 is this machine alone, 0.0.0.0 is every network");
  double port = out.port;
  if (s.number("port", Unit::count, port, {0, 65535})) {
    if (port != std::floor(port)) s.error("port", "port is not a whole number");
    out.port = static_cast<std::uint16_t>(port);
  }
  s.secret("token", out.token);
  s.flag("insecure", out.insecure);
  s.finish();
  if (out.enabled && !is_loopback(out.address) && out.token.empty() && !out.insecure)
    s.error("address", "an address that others can reach needs a token",
            "set token_file, or insecure: true to serve everybody");
}

void read_alerting(Section& root, AlertingSettings& out, Loading& loading) {
  const YamlNode* node = root.map("alerting");
  if (node == nullptr) return;
  Section s(*node, "alerting", loading);
  s.number("for_warning", Unit::seconds, out.for_warning, {0, 86400});
  s.number("for_critical", Unit::seconds, out.for_critical, {0, 86400});
  s.number("keep_firing", Unit::seconds, out.keep_firing, {0, 86400});
  s.number("repeat", Unit::seconds, out.repeat, {0, 30 * 86400.0});
  if (out.repeat > 0 && out.repeat < 60) s.error("repeat", "repeat is less than a minute", "0 never tells again");
  for (const auto& [key, url] :
       {std::pair{"external_url", &out.external_url}, std::pair{"runbook_url", &out.runbook_url}})
    if (s.text(key, *url) && !url->empty() && url_host(*url).empty())
      s.error(key, fmt::format("{} is not an http or https URL", key));
  s.verbatim("diagnose_command", out.diagnose_command);
  s.finish();
}

void read_schedule(Section& root, ScheduleSettings& out, Loading& loading) {
  const YamlNode* node = root.map("schedule");
  if (node == nullptr) return;
  Section s(*node, "schedule", loading);
  s.number("sample", Unit::seconds, out.sample, {0.1, 60});
  s.number("cycle", Unit::seconds, out.cycle, {1, 3600});
  s.number("sweep", Unit::seconds, out.sweep, {1, 86400});
  s.number("slow", Unit::seconds, out.slow, {1, 86400});
  s.finish();
  if (out.sample > out.cycle || out.cycle > out.sweep || out.sweep > out.slow)
    loading.error(*node, "the schedule is out of order", "sample <= cycle <= sweep <= slow");
}

void read_state(Section& root, StateSettings& out, Loading& loading) {
  const YamlNode* node = root.map("state");
  if (node == nullptr) return;
  Section s(*node, "state", loading);
  s.flag("enabled", out.enabled);
  if (s.text("directory", out.directory) && !out.directory.empty() && !out.directory.starts_with('/'))
    s.error("directory", "directory is not an absolute path");
  auto size = static_cast<double>(out.max_size);
  s.number("max_size", Unit::bytes, size, {static_cast<double>(4_MiB), static_cast<double>(1024_GiB)});
  out.max_size = static_cast<std::int64_t>(size);
  s.number("keep", Unit::seconds, out.keep, {3600, 366 * 86400.0});
  s.finish();
}

void read_events(Section& root, EventsSettings& out, Loading& loading) {
  const YamlNode* node = root.map("events");
  if (node == nullptr) return;
  Section s(*node, "events", loading);
  if (s.text("deploys_file", out.deploys_file) && !out.deploys_file.empty() && !out.deploys_file.starts_with('/'))
    s.error("deploys_file", "deploys_file is not an absolute path");
  s.finish();
}

void read_log(Section& root, LogSettings& out, Loading& loading) {
  const YamlNode* node = root.map("log");
  if (node == nullptr) return;
  Section s(*node, "log", loading);
  const std::vector<std::string_view> levels{"debug", "info", "warning", "error"};
  std::size_t level = 1, format = 0;
  if (s.choice("level", levels, level)) out.level = levels[level];
  if (s.choice("format", {"text", "json"}, format))
    out.format = format == 0 ? LogSettings::Format::text : LogSettings::Format::json;
  s.finish();
}

void read_checks(Section& root, Settings& out, Loading& loading) {
  const YamlNode* node = root.map("checks");
  if (node == nullptr) return;
  Section s(*node, "checks", loading);
  for (const Check* check : *loading.sources->checks) {
    const YamlNode* own = s.map(check->id);
    if (own == nullptr) continue;
    Section c(*own, fmt::format("checks.{}", check->id), loading);
    CheckSettings got;
    c.flag("enabled", got.enabled);
    for (const SettingInfo& setting : check->settings) {
      double value = setting.fallback;
      // A share may be above 1 (of the cores, say), but "80" for "80 %" is a slip.
      const double high = setting.unit == Unit::ratio ? std::max(10.0, setting.fallback * 10) : 1e18;
      if (c.number(setting.key, setting.unit, value, {0, high})) got.values[std::string(setting.key)] = value;
    }
    c.finish();
    out.checks[std::string(check->id)] = std::move(got);
  }
  s.finish();
}

std::string environment_password(const SettingsSources& sources) {
  return (sources.environment ? sources.environment("PGPASSWORD") : std::nullopt).value_or("");
}

}  // namespace

LoadedSettings parse_settings(std::string_view text, const std::string& filename, const SettingsSources& sources,
                              unsigned mode) {
  static const std::vector<const Check*> none;
  SettingsSources from = sources;
  if (from.checks == nullptr) from.checks = &none;
  Loading loading{filename, &from};
  LoadedSettings loaded;
  Settings& out = loaded.settings;
  try {
    const YamlNode tree = parse_yaml(text);
    Section root(tree, "", loading);
    read_targets(root, out, loading);
    read_http(root, out.http, loading);
    read_alerting(root, out.alerting, loading);
    read_receivers(root, out, loading);
    read_heartbeat(root, out.heartbeat, loading);
    read_schedule(root, out.schedule, loading);
    read_state(root, out.state, loading);
    read_events(root, out.events, loading);
    read_log(root, out.log, loading);
    read_checks(root, out, loading);
    root.finish();
  } catch (const YamlFault& fault) {
    loading.errors.push_back({filename, fault.line, fault.column, fault.message, fault.hint});
  }
  out.environment_password = environment_password(from);
  if (out.targets.empty()) out.targets.push_back({conninfo_name("", from.environment), ""});
  if (loading.inline_secret && (mode & 0137) != 0)
    loading.warnings.push_back(fmt::format(
        "{} holds a secret and its mode is {:04o}: chmod 640 it, or use password_file and url_file", filename, mode));
  std::stable_sort(loading.errors.begin(), loading.errors.end(), [](const SettingsError& a, const SettingsError& b) {
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
  if (loading.errors.size() > max_errors) loading.errors.resize(max_errors);
  loaded.errors = std::move(loading.errors);
  loaded.warnings = std::move(loading.warnings);
  return loaded;
}

LoadedSettings load_settings(const std::string& path, const SettingsSources& sources) {
  const auto file = sources.read_file(path);
  if (file.error.empty()) return parse_settings(file.text, path, sources, file.mode);
  LoadedSettings loaded;
  loaded.errors.push_back({path, 0, 0, file.error, "pgvigil config print shows a complete one"});
  return loaded;
}

LoadedSettings settings_without_file(const std::string& conninfo, const SettingsSources& sources) {
  LoadedSettings loaded;
  if (!conninfo.empty() && !parse_conninfo(conninfo))
    loaded.errors.push_back({"", 0, 0, "the argument is not a connection string that libpq can read",
                             "write \"host=db-1 dbname=app user=pgvigil\" or postgresql://pgvigil@db-1/app"});
  loaded.settings.environment_password = environment_password(sources);
  loaded.settings.targets.push_back({conninfo_name(conninfo, sources.environment), conninfo});
  return loaded;
}

}  // namespace pgvigil
