// Settings back to YAML, for people: complete, and without a secret.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "agent/core/setting_values.h"
#include "agent/settings/conninfo.h"
#include "agent/settings/settings.h"

namespace pgvigil {
namespace {

constexpr std::string_view mask = "********";

// A double-quoted YAML scalar: every byte below space escaped, so that one value stays one line.
std::string quoted(std::string_view s) {
  std::string out = "\"";
  for (const char c : s) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\x{:02X}", byte);
    else
      out += c;
  }
  return out + '"';
}

// Scheme and host may be seen, credentials and everything after the host not.
std::string masked_url(const std::string& url) {
  const auto scheme = url.find("://");
  if (scheme == std::string::npos) return url.empty() ? "" : std::string(mask);
  const auto end = url.find_first_of("/?#", scheme + 3);
  std::string authority = url.substr(scheme + 3, end == std::string::npos ? end : end - scheme - 3);
  if (const auto at = authority.rfind('@'); at != std::string::npos)
    authority = std::string(mask) + authority.substr(at);
  return url.substr(0, scheme + 3) + authority + (end == std::string::npos ? "" : "/" + std::string(mask));
}

std::string target_text(const TargetSettings& t) {
  std::string out = fmt::format("  - name: {}\n    conninfo: {}\n", quoted(t.name), quoted(mask_conninfo(t.conninfo)));
  if (t.vcpus) out += fmt::format("    vcpus: {}\n", *t.vcpus);
  if (!t.databases.empty()) {
    out += "    databases:\n";
    for (const auto& d : t.databases) out += fmt::format("      - {}\n", quoted(d));
  }
  out += fmt::format("    allow_superuser: {}\n", t.allow_superuser);
  if (!t.hot_queries.empty()) out += "    hot_queries:\n";
  for (const HotQuery& q : t.hot_queries) {
    out += fmt::format("      - name: {}\n        database: {}\n        sql: {}\n", quoted(q.name), quoted(q.database),
                       quoted(q.sql));
    if (!q.user.empty()) out += fmt::format("        user: {}\n", quoted(q.user));
    if (!q.search_path.empty()) out += fmt::format("        search_path: {}\n", quoted(q.search_path));
    if (!q.parameters.empty()) out += "        parameters:\n";
    for (const Cell& value : q.parameters) out += fmt::format("          - {}\n", value ? quoted(*value) : "null");
    if (q.max_cost) out += fmt::format("        max_cost: {}\n", *q.max_cost);
    if (q.max_rows_read) out += fmt::format("        max_rows_read: {}\n", *q.max_rows_read);
  }
  if (!t.migrations.empty()) out += "    migrations:\n";
  for (const Migration& m : t.migrations)
    out += fmt::format(
        "      - name: {}\n        database: {}\n        done: {}\n        total: {}\n"
        "        search_path: {}\n",
        quoted(m.name), quoted(m.database), quoted(m.done), quoted(m.total), quoted(m.search_path));
  return out;
}

std::string_view act_by_key(ActBy a) {
  static constexpr std::string_view keys[] = {"now", "today", "this_week", "later"};
  return keys[static_cast<std::size_t>(a)];
}

std::string texts(std::string_view key, const std::vector<std::string>& all) {
  if (all.empty()) return "";
  std::string out = fmt::format("    {}:\n", key);
  for (const std::string& t : all) out += fmt::format("      - {}\n", quoted(t));
  return out;
}

std::string receiver_text(const ReceiverSettings& r) {
  std::string out = fmt::format("  - name: {}\n    kind: {}\n", quoted(r.name), to_string(r.kind));
  if (r.more_urls.empty()) {
    out += fmt::format("    url: {}\n", quoted(masked_url(r.url)));
  } else {
    std::vector<std::string> urls{masked_url(r.url)};
    for (const std::string& u : r.more_urls) urls.push_back(masked_url(u));
    out += texts("urls", urls);
  }
  if (!r.routing_key.empty()) out += fmt::format("    routing_key: {}\n", quoted(mask));
  out += fmt::format("    act_by: {}\n    severity: {}\n", act_by_key(r.route.act_by), to_string(r.route.severity));
  out += texts("targets", r.route.targets) + texts("checks", r.route.checks);
  return out + fmt::format("    send_resolved: {}\n    allow_private: {}\n    ca_file: {}\n", r.route.send_resolved,
                           r.allow_private, quoted(r.ca_file));
}

void add_secret(std::set<std::string>& all, const std::string& s) {
  if (s.empty()) return;
  all.insert(s);
  all.insert(percent_encode(s));
}

// The whole of it, what follows the host, and what stands before it.
void add_url(std::set<std::string>& all, const std::string& url) {
  add_secret(all, url);
  const auto scheme = url.find("://");
  const auto path = scheme == std::string::npos ? scheme : url.find_first_of("/?", scheme + 3);
  if (path != std::string::npos && url.size() - path > 4) add_secret(all, url.substr(path + 1));
  const auto authority = scheme == std::string::npos ? std::string() : url.substr(scheme + 3, path - scheme - 3);
  if (const auto at = authority.rfind('@'); at != std::string::npos) add_secret(all, authority.substr(0, at));
}

}  // namespace

std::string SettingsError::to_string() const {
  std::string out = file;
  if (line > 0) out += fmt::format(":{}:{}", line, std::max(column, 1));
  if (!out.empty()) out += ": ";
  out += message;
  if (!hint.empty()) out += "\nhint: " + hint;
  return out;
}

std::vector<std::string> Settings::secrets() const {
  std::set<std::string> all;
  for (const TargetSettings& t : targets)
    for (const std::string& s : conninfo_secrets(t.conninfo)) add_secret(all, s);
  for (const ReceiverSettings& r : receivers) {
    add_url(all, r.url);
    for (const std::string& u : r.more_urls) add_url(all, u);
    add_secret(all, r.routing_key);
  }
  add_url(all, heartbeat.url);
  add_secret(all, http.token);
  add_secret(all, environment_password);
  std::vector<std::string> out(all.begin(), all.end());
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
  return out;
}

std::string print_settings(const Settings& s) {
  const auto seconds = [](double v) { return format_setting(v, Unit::seconds); };
  std::string out = "targets:\n";
  for (const TargetSettings& t : s.targets) out += target_text(t);
  out += fmt::format("http:\n  enabled: {}\n  address: {}\n  port: {}\n  insecure: {}\n", s.http.enabled,
                     quoted(s.http.address), s.http.port, s.http.insecure);
  if (!s.http.token.empty()) out += fmt::format("  token: {}\n", quoted(mask));
  out += fmt::format(
      "alerting:\n  for_warning: {}\n  for_critical: {}\n  keep_firing: {}\n  repeat: {}\n  external_url: {}\n  "
      "diagnose_command: "
      "{}\n  runbook_url: {}\n",
      seconds(s.alerting.for_warning), seconds(s.alerting.for_critical), seconds(s.alerting.keep_firing),
      seconds(s.alerting.repeat), quoted(s.alerting.external_url), quoted(s.alerting.diagnose_command),
      quoted(s.alerting.runbook_url));
  out += s.receivers.empty() ? "receivers: []\n" : "receivers:\n";
  for (const ReceiverSettings& r : s.receivers) out += receiver_text(r);
  out += fmt::format("heartbeat:\n  url: {}\n  interval: {}\n  allow_private: {}\n  ca_file: {}\n",
                     quoted(masked_url(s.heartbeat.url)), seconds(s.heartbeat.interval), s.heartbeat.allow_private,
                     quoted(s.heartbeat.ca_file));
  out += fmt::format("schedule:\n  sample: {}\n  cycle: {}\n  sweep: {}\n  slow: {}\n", seconds(s.schedule.sample),
                     seconds(s.schedule.cycle), seconds(s.schedule.sweep), seconds(s.schedule.slow));
  out += fmt::format("state:\n  enabled: {}\n  directory: {}\n  max_size: {}\n  keep: {}\n", s.state.enabled,
                     quoted(s.state.directory), format_setting(static_cast<double>(s.state.max_size), Unit::bytes),
                     seconds(s.state.keep));
  out += fmt::format("events:\n  deploys_file: {}\n", quoted(s.events.deploys_file));
  out += fmt::format("log:\n  level: {}\n  format: {}\n", s.log.level,
                     s.log.format == LogSettings::Format::json ? "json" : "text");
  if (!s.checks.empty()) out += "checks:\n";
  for (const auto& [id, own] : s.checks) {
    out += fmt::format("  {}:\n    enabled: {}\n", id, own.enabled);
    const Check* check = find_check(id);
    for (const auto& [key, value] : own.values) {
      Unit unit = Unit::count;
      if (check != nullptr)
        for (const SettingInfo& info : check->settings)
          if (info.key == key) unit = info.unit;
      out += fmt::format("    {}: {}\n", key, format_setting(value, unit));
    }
  }
  return out;
}

}  // namespace pgvigil
