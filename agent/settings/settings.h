// The configuration as plain values. YAML stays behind yaml_tree.cc; nobody else sees it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/core/receiver_kind.h"
#include "agent/core/route.h"
#include "checks/check.h"

namespace pgvigil {

struct TargetSettings {
  std::string name;      // unique; host:port where the file gives none
  std::string conninfo;  // as libpq takes it, URI or key=value; "" leaves all to PG* variables. May hold a password
  std::optional<double> vcpus = {};         // of the server, when it is not this machine
  std::vector<std::string> databases = {};  // empty: all that accept connections
  bool allow_superuser = false;
  std::vector<HotQuery> hot_queries = {};
  std::vector<Migration> migrations = {};
};

// Those of a target, each with the name of its database.
std::vector<Migration> migrations_in(std::vector<Migration> all, const std::string& database);

struct HttpSettings {
  bool enabled = true;
  std::string address = "127.0.0.1";  // an IP address
  std::uint16_t port = 9717;          // 0: any free one
  std::string token = {};             // secret
  bool insecure = false;              // serve beyond loopback without a token
};

struct ReceiverSettings {
  std::string name;
  ReceiverKind kind = ReceiverKind::webhook;
  std::string url;                          // secret from its path on
  std::vector<std::string> more_urls = {};  // of the other members of an Alertmanager cluster
  std::string routing_key = {};             // secret; PagerDuty's
  Route route = {};
  bool allow_private = false;  // may resolve to a private or loopback address
  std::string ca_file = {};    // "": the system's
};

// A dead man's switch.
struct HeartbeatSettings {
  std::string url = {};  // secret from its path on; "": none
  double interval = 60;
  bool allow_private = false;
  std::string ca_file = {};
};

// Durations are seconds, everywhere.
struct AlertingSettings {
  double for_warning = 60, for_critical = 30;  // how long a symptom lasts before it is sent
  double keep_firing = 30;                     // how long it must be gone before it is resolved
  double repeat = 0;                           // what goes on is told again after so long; 0: never
  std::string external_url = {};               // where a reader of a message opens the page
  std::string diagnose_command = "pgvigil diagnose";
  std::string runbook_url = {};
};

struct ScheduleSettings {
  double sample = 1, cycle = 10, sweep = 60, slow = 600;
};

// Where the past is kept, so that `diagnose --from-state` can tell of it.
struct StateSettings {
  bool enabled = true;
  std::string directory = {};  // "": $STATE_DIRECTORY, /var/lib/pgvigil, or the XDG state directory
  std::int64_t max_size = std::int64_t{256} << 20;  // bytes of the history
  double keep = 7 * 86400.0;                        // of raw observations; a line a minute is kept twelve times as long
};

struct EventsSettings {
  std::string deploys_file = {};  // to which a pipeline appends a line for each deploy; "": none
};

struct LogSettings {
  enum class Format : std::uint8_t { text, json };
  std::string level = "info";  // debug, info, warning, error
  Format format = Format::text;
};

struct Settings {
  std::vector<TargetSettings> targets = {};
  HttpSettings http = {};
  AlertingSettings alerting = {};
  std::vector<ReceiverSettings> receivers = {};
  HeartbeatSettings heartbeat = {};
  ScheduleSettings schedule = {};
  StateSettings state = {};
  EventsSettings events = {};
  LogSettings log = {};
  std::map<std::string, CheckSettings, std::less<>> checks = {};  // only what differs from the defaults; by check id

  std::string environment_password = {};  // PGPASSWORD, which libpq takes by itself; here only to be masked

  // Every secret, each also as it looks percent-encoded, longest first: what a log must never show.
  std::vector<std::string> secrets() const;
};

struct SettingsError {
  std::string file = {};
  int line = 0, column = 0;  // from 1; 0: not tied to a place
  std::string message = {};  // never contains a value that may be secret
  std::string hint = {};
  std::string to_string() const;  // "FILE:LINE:COLUMN: message\nhint: ..."
};

// Settings are only to be used when there are no errors.
struct LoadedSettings {
  Settings settings = {};
  std::vector<SettingsError> errors = {};  // in the order of the file, at most ten
  std::vector<std::string> warnings = {};
  bool ok() const { return errors.empty(); }
};

// What the loader needs from the outside; tests give their own.
struct SettingsSources {
  std::function<std::optional<std::string>(const std::string& name)> environment = {};
  struct File {
    std::string text = {}, error = {};  // error: one line, "" when it was read
    unsigned mode = 0;                  // permission bits
  };
  std::function<File(const std::string& path)> read_file = {};
  const std::vector<const Check*>* checks = nullptr;
};
SettingsSources system_sources();  // the process's environment, regular files up to 1 MiB, all_checks()

LoadedSettings load_settings(const std::string& path, const SettingsSources& sources = system_sources());
// `mode` is the file's; a readable-by-all file with a secret in it is worth a warning.
LoadedSettings parse_settings(std::string_view text, const std::string& filename, const SettingsSources& sources,
                              unsigned mode = 0600);
// Without a file: one target, from the conninfo or URI (may be "") and PG* variables.
LoadedSettings settings_without_file(const std::string& conninfo, const SettingsSources& sources = system_sources());

// As YAML that parse_settings takes, with secrets replaced by "********".
std::string print_settings(const Settings& settings);

// The example file's part above `checks:`; every key with its default and what it is for.
std::string_view settings_example();
std::string_view minimal_settings_example();

}  // namespace pgvigil
