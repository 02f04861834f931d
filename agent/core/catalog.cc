#include "agent/core/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/core/setting_values.h"

namespace pgvigil {
namespace {

std::string_view unit_name(Unit unit) {
  switch (unit) {
    case Unit::bytes:
      return "bytes";
    case Unit::bytes_per_second:
      return "bytes_per_second";
    case Unit::ratio:
      return "ratio";
    case Unit::seconds:
      return "seconds";
    case Unit::count:
      return "count";
    case Unit::per_second:
      return "per_second";
  }
  return "";
}

const Check* find(const Catalog& catalog, std::string_view id) {
  const auto it =
      std::find_if(catalog.checks.begin(), catalog.checks.end(), [&](const Check* c) { return c->id == id; });
  return it == catalog.checks.end() ? nullptr : *it;
}

std::vector<const Check*> explained_by(const Catalog& catalog, const Check& check) {
  std::vector<const Check*> all;
  for (const Check* c : catalog.checks)
    if (std::find(c->explains.begin(), c->explains.end(), check.id) != c->explains.end()) all.push_back(c);
  return all;
}

// A check that is not there yet is named without a link.
std::string link(const Catalog& catalog, std::string_view id) {
  return find(catalog, id) == nullptr ? fmt::format("`{0}`", id) : fmt::format("[`{0}`]({0}.md)", id);
}

std::string cell(std::string_view text) {  // of a Markdown table
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string outcome(const Example& e) {
  if (e.expect.empty()) return "stays quiet";
  std::vector<std::string_view> words;
  for (const Severity s : e.expect) words.push_back(to_string(s));
  return fmt::format("{}", fmt::join(words, ", "));
}

std::string wrapped(std::string_view prefix, std::string_view text) {  // lines of at most 118 columns
  std::string out, line(prefix);
  while (!text.empty()) {
    const auto space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    if (line.size() > prefix.size() && line.size() + 1 + word.size() > 118) {
      out += line + '\n';
      line = prefix;
    }
    if (line.size() > prefix.size()) line += ' ';
    line += word;
    text = space == std::string_view::npos ? "" : text.substr(space + 1);
  }
  return out + line + '\n';
}

}  // namespace

Catalog whole_catalog() {
  Catalog all{all_checks(), all_probes()};
  std::sort(all.checks.begin(), all.checks.end(), [](auto a, auto b) { return a->id < b->id; });
  std::sort(all.probes.begin(), all.probes.end(), [](auto a, auto b) { return a->id() < b->id(); });
  return all;
}

std::string catalog_json(const Catalog& catalog) {
  using nlohmann::ordered_json;
  ordered_json checks = ordered_json::array(), probes = ordered_json::array();
  for (const Check* c : catalog.checks) {
    ordered_json settings = ordered_json::array(), examples = ordered_json::array();
    for (const SettingInfo& s : c->settings)
      settings.push_back({{"key", s.key}, {"unit", unit_name(s.unit)}, {"default", s.fallback}, {"doc", s.doc}});
    for (const Example& e : c->examples) examples.push_back({{"title", e.title}, {"expect", outcome(e)}});
    ordered_json one{{"id", c->id}, {"title", c->title}, {"why", c->why}, {"role", to_string(c->role)}};
    one["explains"] = c->explains;
    for (const auto& [key, list] : {std::pair{"reads", &c->reads}, std::pair{"may_read", &c->may_read}}) {
      one[key] = ordered_json::array();
      for (const ProbeRef& p : *list) one[key].push_back(p.probe->id());
    }
    one["settings"] = std::move(settings);
    one["examples"] = std::move(examples);
    checks.push_back(std::move(one));
  }
  for (const AnyProbe* p : catalog.probes) {
    ordered_json one{{"id", p->id()}, {"title", p->about().title}};
    one["columns"] = ordered_json::array();
    for (const ColumnInfo& c : p->columns()) one["columns"].push_back(c.name);
    one["metrics"] = ordered_json::array();
    for (const Metric& m : p->about().metrics) one["metrics"].push_back(m.name);
    probes.push_back(std::move(one));
  }
  return ordered_json{{"checks", std::move(checks)}, {"probes", std::move(probes)}}.dump(2) + "\n";
}

std::string check_page(const Catalog& catalog, const Check& c) {
  std::string out = fmt::format("# {}\n\n`{}` is a {}. {}\n", c.title, c.id, to_string(c.role), c.why);
  if (!c.explains.empty()) {
    out += "\nIt explains:\n";
    for (const auto id : c.explains) out += fmt::format("- {}\n", link(catalog, id));
  }
  if (const auto by = explained_by(catalog, c); !by.empty()) {
    out += "\nIt is explained by:\n";
    for (const Check* cause : by) out += fmt::format("- {}\n", link(catalog, cause->id));
  }
  if (!c.settings.empty()) {
    out += fmt::format("\n## Settings\nUnder `checks: {{{}: ...}}`; `enabled: false` turns the check off.\n\n", c.id);
    out += "| setting | default | meaning |\n|---|---|---|\n";
    for (const SettingInfo& s : c.settings)
      out += fmt::format("| `{}` | {} | {}{} |\n", s.key, format_setting(s.fallback, s.unit), cell(s.doc),
                         s.clear == 1 ? "" : fmt::format("; once it fires, {:.0f} % of it", 100 * s.clear));
  }
  const auto list = [&](std::string_view title, const std::vector<ProbeRef>& probes) {
    if (probes.empty()) return;
    out += fmt::format("\n## {}\n", title);
    for (const ProbeRef& p : probes) out += fmt::format("- `{}`: {}\n", p.probe->id(), p.probe->about().title);
  };
  list("Reads (without them the answer is \"unknown\")", c.reads);
  list("Reads where it can (without them confidence is lower)", c.may_read);
  if (!c.examples.empty()) {
    out += "\n## Examples\nEach is a test.\n\n| what was seen | finding |\n|---|---|\n";
    for (const Example& e : c.examples) out += fmt::format("| {} | {} |\n", cell(e.title), outcome(e));
  }
  return out;
}

std::string checks_index(const Catalog& catalog) {
  std::string out =
      "# Checks\n\nOne file of `checks/` each; these pages are made from them by `pgvigil catalog --write .`.\n"
      "A cause explains symptoms, which are then folded under it.\n";
  for (const Role role : {Role::cause, Role::symptom, Role::event, Role::advice}) {
    std::string rows;
    for (const Check* c : catalog.checks)
      if (c->role == role) rows += fmt::format("| {} | {} |\n", link(catalog, c->id), cell(c->title));
    if (!rows.empty()) out += fmt::format("\n## {}\n\n| check | what it says |\n|---|---|\n{}", to_string(role), rows);
  }
  return out;
}

std::string checks_yaml(const Catalog& catalog) {
  std::string out =
      "\n# The checks: each can be turned off, and each threshold lives here and nowhere else. docs/checks/ has a page "
      "for "
      "each.\nchecks:\n";
  if (catalog.checks.empty()) return "";
  for (const Check* c : catalog.checks) {
    out += wrapped("  # ", fmt::format("{}. {}", c->title, c->why));
    out += fmt::format("  {}:\n    enabled: true\n", c->id);
    for (const SettingInfo& s : c->settings) {
      out += wrapped("    # ", s.doc);
      out += fmt::format("    {}: {}\n", s.key, format_setting(s.fallback, s.unit));
    }
  }
  return out;
}

// What Prometheus must tell of pgvigil itself, since pgvigil cannot.
constexpr std::string_view own_rules = R"(  - name: pgvigil_itself
    rules:
      - alert: pgvigil_absent
        expr: absent(pgvigil_build_info)
        for: 5m
        labels: {severity: warning}
        annotations: {summary: "no pgvigil is scraped"}
      - alert: pgvigil_stale
        expr: time() - pgvigil_report_timestamp_seconds > 300
        labels: {severity: warning}
        annotations: {summary: "pgvigil has made no report of {{ $labels.target }} for five minutes"}
      - alert: pgvigil_alerts_undelivered
        expr: pgvigil_notifications_oldest_seconds > 300
        labels: {severity: warning}
        annotations: {summary: "an alert for {{ $labels.receiver }} has been waiting for {{ $value | humanizeDuration }}"}
      - alert: pgvigil_alerts_dropped
        expr: increase(pgvigil_notifications_dropped_total[15m]) > 0
        labels: {severity: warning}
        annotations: {summary: "alerts for {{ $labels.receiver }} were given up: the log says why"}
      - alert: pgvigil_nobody_sends
        expr: max by (target) (pgvigil_sends_alerts) == 0
        for: 5m
        labels: {severity: warning}
        annotations: {summary: "each agent on {{ $labels.target }} thinks that another one sends its alerts"}
      - alert: pgvigil_state_degraded
        expr: pgvigil_state_degraded == 1
        for: 10m
        labels: {severity: warning}
        annotations: {summary: "pgvigil cannot write its state: a restart may lose or repeat an alert"}
      - alert: pgvigil_reload_failed
        expr: pgvigil_config_last_reload_successful == 0
        for: 10m
        labels: {severity: warning}
        annotations: {summary: "pgvigil runs on an old configuration: the new one has a mistake"}
)";

std::string own_alert_rules() {
  return "# Prometheus rules for what pgvigil cannot tell of itself, where it sends its alerts directly.\ngroups:\n" +
         std::string(own_rules);
}

std::string alert_rules(const Catalog& catalog) {
  // A JSON string is a YAML string; backticks and braces of a text must not become a template.
  const auto text = [](std::string_view s) {
    std::string plain(s);
    for (std::size_t at = 0; (at = plain.find("{{", at)) != std::string::npos; at += 3) plain.insert(at + 1, " ");
    return nlohmann::json(plain).dump();
  };
  std::string out =
      "# Prometheus rules for what pgvigil found. Thresholds live in pgvigil's own configuration, not here.\n"
      "# Use them where alerts go through your Alertmanager instead of pgvigil's receivers.\n"
      "groups:\n";
  out += own_rules;
  out += "  - name: pgvigil\n    rules:\n";
  for (const Check* c : catalog.checks) {
    if (c->role != Role::cause && c->role != Role::symptom) continue;
    // A proven cause is told at once; a symptom has to last.
    out += fmt::format(
        "      - alert: {0}\n        expr: pgvigil_finding{{check=\"{0}\",severity=~\"warning|critical\"}}\n", c->id);
    if (c->role == Role::symptom) out += "        for: 1m\n";
    out += fmt::format(
        "        labels: {{role: {}}}\n        annotations:\n          summary: {}\n          description: {}\n",
        to_string(c->role), text(fmt::format("{}", c->title)), text(c->why));
  }
  return out;
}

}  // namespace pgvigil
