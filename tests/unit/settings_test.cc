#include "agent/settings/settings.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "agent/core/setting_values.h"
#include "agent/settings/conninfo.h"

namespace pgvigil {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<Finding> quiet(const Input&) { return {}; }

const Check large_thing{
    .id = "large_thing",
    .title = "Large thing",
    .why = "It is large.",
    .settings = {Setting<Bytes>{"min_size", 1_GiB, "smaller ones are left alone"},
                 Setting<Ratio>{"warn_share", 0.8, "share that warns"}, Setting<Seconds>{"window", 900, "how far back"},
                 Setting<PerSecond>{"calls", 5, "calls"}, Setting<BytesPerSecond>{"reads", 1024, "reads"}},
    .evaluate = quiet};
const Check slow_thing{.id = "slow_thing", .title = "Slow thing", .why = "It is slow.", .evaluate = quiet};

struct Sources {
  std::map<std::string, std::string> environment;
  std::map<std::string, SettingsSources::File> files;
  std::vector<const Check*> checks{&large_thing, &slow_thing};
  SettingsSources get() const {
    return {[this](const std::string& n) {
              const auto it = environment.find(n);
              return it == environment.end() ? std::nullopt : std::optional(it->second);
            },
            [this](const std::string& p) {
              const auto it = files.find(p);
              return it == files.end() ? SettingsSources::File{"", "does not exist", 0} : it->second;
            },
            &checks};
  }
};

LoadedSettings parse(std::string_view text, const Sources& sources = {}, unsigned mode = 0600) {
  return parse_settings(text, "pgvigil.yaml", sources.get(), mode);
}
// The errors as a person sees them.
std::vector<std::string> errors(std::string_view text, const Sources& sources = {}) {
  std::vector<std::string> all;
  for (const SettingsError& e : parse(text, sources).errors) all.push_back(e.to_string());
  return all;
}

TEST(Settings, EveryKeyArrives) {
  Sources sources;
  sources.environment["HOOK"] = "https://hooks.example/T0/abc";
  sources.files["/run/pw"] = {"it's \\ here\nsecond line", "", 0600};
  sources.files["/run/token"] = {"t0ken\r\n", "", 0640};
  const auto loaded = parse(R"(
targets:
  - name: main
    conninfo: postgresql://mon@db-1:5433/app?sslmode=require
    password_file: /run/pw
    vcpus: 7.5
    databases: [app, "select"]
    allow_superuser: true
    hot_queries:
      - {name: lookup, database: app, sql: "SELECT '${X}' FROM t WHERE a = $1"}
      - sql: SELECT '$9' FROM t WHERE a = $1 AND b = $2 AND c = $3 -- $4
        user: app
        search_path: app, public
        parameters: [7, "it's ${X}", null]
        max_cost: 1e6
        max_rows_read: 1000
http: {enabled: true, address: 0.0.0.0, port: 8080, token_file: /run/token}
alerting:
  for_warning: 2 min
  for_critical: 500 ms
  keep_firing: 90
  external_url: https://vigil.example
  diagnose_command: kubectl exec -it ${POD} -- pgvigil diagnose
  runbook_url: https://wiki.example/pg
receivers:
  - {name: chat, kind: slack, url: "${HOOK}", send_resolved: false, allow_private: true, ca_file: /etc/ca.pem}
schedule: {sample: 2 s, cycle: 20 s, sweep: 2 min, slow: 1 h}
state: {enabled: true, directory: /srv/vigil, max_size: 64 MB, keep: 2 d}
log: {level: debug, format: json}
checks:
  large_thing: {enabled: false, min_size: 64 MB, warn_share: 75 %, window: 5 min, calls: 2.5 /s, reads: 10 MiB/s}
  slow_thing:
)",
                            sources);
  for (const auto& e : loaded.errors) ADD_FAILURE() << e.to_string();
  EXPECT_THAT(loaded.warnings, IsEmpty());
  const Settings& s = loaded.settings;
  ASSERT_EQ(s.targets.size(), 1u);
  const auto values = parse_conninfo(s.targets[0].conninfo).value();
  EXPECT_EQ(values.at("password"), "it's \\ here");
  EXPECT_EQ(values.at("port"), "5433");
  EXPECT_EQ(values.at("sslmode"), "require");
  EXPECT_EQ(s.targets[0].vcpus, 7.5);
  EXPECT_THAT(s.targets[0].databases, ElementsAre("app", "select"));
  EXPECT_TRUE(s.targets[0].allow_superuser);
  ASSERT_EQ(s.targets[0].hot_queries.size(), 2u);
  EXPECT_EQ(s.targets[0].hot_queries[0].sql, "SELECT '${X}' FROM t WHERE a = $1");
  const HotQuery& q = s.targets[0].hot_queries[1];
  EXPECT_EQ(q.user, "app");
  EXPECT_EQ(q.search_path, "app, public");
  EXPECT_THAT(q.parameters, ElementsAre("7", "it's ${X}", std::nullopt));
  EXPECT_EQ(q.max_cost, 1e6);
  EXPECT_EQ(q.max_rows_read, 1000);
  EXPECT_EQ(s.http.address, "0.0.0.0");
  EXPECT_EQ(s.http.port, 8080);
  EXPECT_EQ(s.http.token, "t0ken");
  EXPECT_EQ(s.alerting.for_warning, 120);
  EXPECT_EQ(s.alerting.for_critical, 0.5);
  EXPECT_EQ(s.alerting.keep_firing, 90);
  EXPECT_EQ(s.alerting.diagnose_command, "kubectl exec -it ${POD} -- pgvigil diagnose");
  ASSERT_EQ(s.receivers.size(), 1u);
  EXPECT_EQ(s.receivers[0].url, "https://hooks.example/T0/abc");
  EXPECT_EQ(s.receivers[0].kind, ReceiverKind::slack);
  EXPECT_FALSE(s.receivers[0].route.send_resolved);
  EXPECT_EQ(s.schedule.slow, 3600);
  EXPECT_EQ(s.state.directory, "/srv/vigil");
  EXPECT_EQ(s.state.max_size, 64 << 20);
  EXPECT_EQ(s.state.keep, 2 * 86400.0);
  EXPECT_EQ(s.log.format, LogSettings::Format::json);
  const CheckSettings& c = s.checks.at("large_thing");
  EXPECT_FALSE(c.enabled);
  EXPECT_EQ(c.values.at("min_size"), 64.0 * 1024 * 1024);
  EXPECT_EQ(c.values.at("warn_share"), 0.75);
  EXPECT_EQ(c.values.at("window"), 300);
  EXPECT_EQ(c.values.at("calls"), 2.5);
  EXPECT_EQ(c.values.at("reads"), 10.0 * 1024 * 1024);
  EXPECT_FALSE(s.checks.contains("slow_thing"));
}

TEST(Settings, UnknownKeysNameTheirPlaceAndTheNearestKey) {
  EXPECT_THAT(errors("http:\n  prot: 9717\n"),
              ElementsAre("pgvigil.yaml:2:3: unknown key \"prot\" in http\nhint: did you mean \"port\"?"));
  EXPECT_THAT(errors("tragets: []\n"),
              ElementsAre("pgvigil.yaml:1:1: unknown key \"tragets\"\nhint: did you mean \"targets\"?"));
  EXPECT_THAT(
      errors("checks:\n  larg_thing: {}\n"),
      ElementsAre("pgvigil.yaml:2:3: unknown key \"larg_thing\" in checks\nhint: did you mean \"large_thing\"?"));
  EXPECT_THAT(
      errors("checks:\n  large_thing:\n    min_sise: 1 GB\n"),
      ElementsAre(
          "pgvigil.yaml:3:5: unknown key \"min_sise\" in checks.large_thing\nhint: did you mean \"min_size\"?"));
  EXPECT_THAT(errors("log:\n  zzzzzzzz: 1\n"), ElementsAre(HasSubstr("known keys: level, format")));
}

TEST(Settings, BadValuesSayWhatWasExpected) {
  const std::pair<std::string, std::string> wrong[] = {
      {"http:\n  port: abc\n", "pgvigil.yaml:2:9: port is \"abc\", expected a number"},
      {"http: {port: 70000}", "expected 0 to 65535"},
      {"http: {port: 80.5}", "not a whole number"},
      {"http: {enabled: yes}", "enabled is \"yes\", expected true or false"},
      {"http: {enabled: [true]}", "enabled is a list, expected a single value"},
      {"http: {address: localhost}", "address is not an IP address"},
      {"http: {address: 0.0.0.0}", "needs a token"},
      {"http: [1]", "http is a list, expected a section"},
      {"http: word", "http is a single value, expected a section"},
      {"targets: word", "targets is a single value, expected a list"},
      {"targets: [word]", "targets[0] is a single value, expected a section"},
      {"targets: [{vcpus: -1}]", "vcpus is \"-1\", expected a number"},
      {"targets: [{vcpus: nan}]", "vcpus is \"nan\", expected a number"},
      {"targets: [{databases: [[a]]}]", "databases holds a list, expected names"},
      {"targets: [{name: a}, {name: a}]", "two targets are named \"a\""},
      {"targets: [{hot_queries: [{name: a}]}]", "a hot query has no sql"},
      {"targets: [{hot_queries: [{sql: select 1, parameters: 7}]}]",
       "pgvigil.yaml:1:54: parameters is a single value, expected a list"},
      {"targets: [{hot_queries: [{sql: select $1, parameters: [[7]]}]}]",
       "pgvigil.yaml:1:56: parameters holds a list, expected texts, numbers or null"},
      {"targets: [{hot_queries: [{sql: \"select $1, $2\", parameters: [7]}]}]",
       "parameters has 1, but the sql has $1 to $2\nhint: give one value for each"},
      {"targets: [{hot_queries: [{sql: select 1, parameters: [7]}]}]", "parameters are given, but the sql has no $1"},
      {"targets: [{hot_queries: [{sql: select 1, max_cost: cheap}]}]", "max_cost is \"cheap\", expected a number"},
      {"targets: [{hot_queries: [{sql: select 1, max_rows_read: -1}]}]", "max_rows_read is \"-1\", expected a number"},
      {"targets: [{hot_queries: [{sql: select 1, max_row_read: 1}]}]", "did you mean \"max_rows_read\"?"},
      {"targets: [{migrations: [{database: a, total: 7}]}]", "a migration has no done"},
      {"targets: [{migrations: [{database: a, done: select 1}]}]", "a migration has no total"},
      {"targets: [{migrations: [{database: a, done: delete from t, total: 7}]}]", "done is not one SELECT"},
      {"targets: [{migrations: [{database: a, done: select 1; select 2, total: 7}]}]", "done is not one SELECT"},
      {"targets: [{migrations: [{database: a, done: select 1, total: 7 rows}]}]", "total is not one SELECT"},
      {"targets: [{migrations: [{database: a, done: select $1, total: 7}]}]", "done is not one SELECT"},
      {"targets: [{migrations: [{database: a, name: m, done: select 1, total: 7}, {database: a, name: m, done: select "
       "1, total: 7}]}]",
       "two migrations are named \"m\""},
      {"schedule: {cycle: 10 parsecs}", "expected a duration such as 10 s or 5 min"},
      {"schedule: {sample: 0}", "sample is \"0\", expected 100 ms to 1 min"},
      {"schedule: {cycle: 2 min}", "the schedule is out of order"},
      {"log: {level: loud}", "level is \"loud\", expected debug, info, warning, error"},
      {"receivers: [{kind: pigeon, url: https://a/b}]",
       "expected slack, mattermost, teams, discord, pagerduty, webhook, alertmanager"},
      {"receivers: [{url: https://a/b}]", "a receiver has no kind"},
      {"receivers: [{kind: slack}]", "a receiver has no url"},
      {"receivers: [{kind: slack, url: http://example.org/b}]", "plain http to another machine"},
      {"receivers: [{kind: slack, url: ftp://example.org/b}]", "not an http or https URL"},
      {"receivers: [{kind: slack, url: \"https://\"}]", "not an http or https URL"},
      {"receivers: [{kind: slack, url_file: /none}]", "\"/none\" does not exist"},
      {"checks: {large_thing: {warn_share: 80}}", "expected 0 % to 10\nhint: write \"80 %\""},
      {"checks: {large_thing: {min_size: 1 s}}", "expected a size such as 1 GiB or 64 MB"},
      {"checks: {large_thing: {min_size: 1e400}}", "expected a size"},
  };
  for (const auto& [text, message] : wrong) EXPECT_THAT(errors(text), Contains(HasSubstr(message))) << text;
}

TEST(Settings, AllMistakesAtOnceInTheOrderOfTheFileUpToTen) {
  const auto some = parse("log: {level: loud}\nbogus: 1\nhttp: {port: x}\n").errors;
  ASSERT_EQ(some.size(), 3u);
  EXPECT_EQ(some[0].line, 1);
  EXPECT_EQ(some[1].line, 2);
  EXPECT_EQ(some[2].line, 3);
  std::string many;
  for (int i = 0; i < 30; ++i) many += "bogus" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(parse(many).errors.size(), 10u);
}

TEST(Settings, HostileYamlIsRefused) {
  EXPECT_THAT(errors("log: &a {level: info}\nhttp: *a\n"), ElementsAre(HasSubstr("1:6: anchors and aliases")));
  EXPECT_THAT(errors("log: !evil {level: info}\n"), ElementsAre(HasSubstr("tags")));
  EXPECT_THAT(errors("log: {}\nlog: {}\n"),
              ElementsAre("pgvigil.yaml:2:1: \"log\" is given twice\nhint: the first one is in line 1"));
  EXPECT_THAT(errors("{[a]: b}\n"), ElementsAre(HasSubstr("a key must be a plain word")));
  EXPECT_THAT(errors("log: {}\n---\nhttp: {}\n"), ElementsAre(HasSubstr("a second document")));
  EXPECT_THAT(errors("a: b: c\n"), ElementsAre(HasSubstr("pgvigil.yaml:1:5: not valid YAML")));
  EXPECT_THAT(errors(std::string("a: \0", 4)), ElementsAre(HasSubstr("zero byte")));
  EXPECT_THAT(errors("- a\n"), ElementsAre(HasSubstr("the file is a list")));
  EXPECT_THAT(errors(std::string(100'000, '[')), ElementsAre(HasSubstr("nested too deeply")));
  std::string bomb = "a0: &a0 [x]\n";
  for (int i = 1; i < 30; ++i) bomb += fmt::format("a{0}: &a{0} [*a{1}, *a{1}]\n", i, i - 1);
  EXPECT_THAT(errors(bomb), ElementsAre(HasSubstr("anchors and aliases")));
  EXPECT_THAT(errors(""), IsEmpty());
  EXPECT_THAT(errors("# nothing\n"), IsEmpty());
}

TEST(Settings, SecretsComeFromFileOrEnvironment) {
  Sources sources;
  sources.environment["HOOK"] = "https://hooks.example/s3cret/path";
  const std::string text = "targets: [{conninfo: \"${CONN}\"}]\nreceivers: [{kind: slack, url: \"${HOOK}\"}]\n";
  sources.environment["CONN"] = "host=db password=fromenv";
  const auto loaded = parse(text, sources, 0644);
  ASSERT_TRUE(loaded.ok()) << loaded.errors[0].to_string();
  EXPECT_THAT(loaded.warnings, IsEmpty()) << "the file itself holds no secret";
  EXPECT_THAT(loaded.settings.secrets(), AllOf(Contains("fromenv"), Contains("s3cret/path")));
  EXPECT_THAT(errors(text),
              ElementsAre(HasSubstr("the environment variable CONN is not set"), HasSubstr("HOOK is not set")));
  EXPECT_THAT(errors("http: {token: \"pre${A}\"}"), ElementsAre(HasSubstr("must be the whole value")));
  EXPECT_THAT(errors("http: {token: a, token_file: b}"), ElementsAre(HasSubstr("are both given")));
  sources.files["/pw"] = {"p", "", 0600};
  EXPECT_THAT(errors("targets: [{conninfo: host=a password=b, password_file: /pw}]", sources),
              ElementsAre(HasSubstr("already has a password")));
  sources.files["/empty"] = {"\n", "", 0600};
  EXPECT_THAT(errors("http: {token_file: /empty}", sources), ElementsAre(HasSubstr("is empty")));
}

TEST(Settings, AnInlineSecretInAnOpenFileIsAWarning) {
  EXPECT_THAT(parse("http: {token: abc}", {}, 0644).warnings, ElementsAre(HasSubstr("its mode is 0644")));
  EXPECT_THAT(parse("targets: [{conninfo: host=a password=b}]", {}, 0644).warnings,
              ElementsAre(HasSubstr("chmod 640")));
  EXPECT_THAT(parse("http: {token: abc}", {}, 0640).warnings, IsEmpty());
  EXPECT_THAT(parse("targets: [{conninfo: host=a}]", {}, 0644).warnings, IsEmpty());
}

TEST(Settings, NoMessageHoldsASecret) {
  for (const std::string text :
       {"targets: [{conninfo: \"host=a password=c4nary x\"}]", "targets: [{conninfo: \"postgresql://u:c4nary@[h/db\"}]",
        "receivers: [{kind: slack, url: \"ftp://h/c4nary\"}]", "receivers: [{kind: slack, url: \"http://h/c4nary\"}]",
        "http: {token: \"${c4nary\"}", "http: {token: [c4nary]}", "targets: [{conninfo: {password: c4nary}}]"}) {
    const auto all = errors(text);
    EXPECT_THAT(all, Not(IsEmpty())) << text;
    for (const auto& e : all) EXPECT_THAT(e, Not(HasSubstr("c4nary"))) << text;
  }
  EXPECT_THAT(settings_without_file("host=a password=c4nary x", Sources{}.get()).errors[0].to_string(),
              Not(HasSubstr("c4nary")));
}

TEST(Settings, PrintedSettingsAreMaskedAndReadable) {
  Sources sources;
  sources.checks = {};
  const auto loaded = parse(R"(
targets:
  - conninfo: postgresql://mon:c4nary@db-1/app
    databases: ["a\"b\nc"]
    hot_queries:
      - {sql: "SELECT $1\n  , 'x', $2", parameters: ["null", null], user: app, search_path: "a, \"b\"", max_cost: 0.5}
    migrations:
      - {name: move, database: app, done: "SELECT count(*)\nFROM t -- so far;", total: "SELECT 7 ; "}
      - {database: app, done: SELECT 1, total: 1.2e6, search_path: app}
http: {token: c4nary-token}
receivers: [{kind: webhook, url: "https://user:c4nary@hooks.example:8443/c4nary/x?y=c4nary"}]
alerting: {for_warning: 90 s}
)",
                            sources);
  ASSERT_TRUE(loaded.ok()) << loaded.errors[0].to_string();
  const std::string printed = print_settings(loaded.settings);
  EXPECT_THAT(printed, AllOf(Not(HasSubstr("c4nary")), HasSubstr("hooks.example:8443"), HasSubstr("db-1")));
  const auto again = parse(printed, sources);
  ASSERT_TRUE(again.ok()) << again.errors[0].to_string() << "\n" << printed;
  EXPECT_EQ(print_settings(again.settings), printed);
  EXPECT_EQ(again.settings.targets[0].databases, loaded.settings.targets[0].databases);
  EXPECT_EQ(again.settings.targets[0].hot_queries[0].sql, loaded.settings.targets[0].hot_queries[0].sql);
  EXPECT_THAT(again.settings.targets[0].hot_queries[0].parameters, ElementsAre("null", std::nullopt));
  EXPECT_EQ(again.settings.targets[0].hot_queries[0].search_path, "a, \"b\"");
  EXPECT_EQ(again.settings.alerting.for_warning, 90);
  const std::vector<Migration>& migrations = again.settings.targets[0].migrations;
  ASSERT_EQ(migrations.size(), 2U);
  EXPECT_EQ(migrations[0].done, "SELECT count(*)\nFROM t -- so far");
  EXPECT_EQ(migrations[0].total, "SELECT 7");
  EXPECT_EQ(migrations[0].search_path, "public");
  EXPECT_EQ(migrations[1].name, "migration 2");
  EXPECT_EQ(migrations[1].total, "1.2e6");
  EXPECT_EQ(migrations[1].search_path, "app");
}

TEST(Settings, SecretsAlsoPercentEncodedLongestFirst) {
  Settings s;
  s.targets.push_back({"a", "host=h password='p@ss word'"});
  s.http.token = "t";
  s.receivers.push_back({"r", ReceiverKind::slack, "https://h.example/services/T/B/x"});
  const auto all = s.secrets();
  EXPECT_THAT(all, AllOf(Contains("p@ss word"), Contains("p%40ss%20word"), Contains("services/T/B/x"), Contains("t")));
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_GE(all[i - 1].size(), all[i].size());
}

TEST(Settings, TheExampleNamesEveryKeyWithItsDefault) {
  const auto loaded = parse(settings_example());
  ASSERT_TRUE(loaded.ok()) << loaded.errors[0].to_string();
  Settings defaults;
  defaults.targets.push_back({"local", ""});
  EXPECT_EQ(print_settings(loaded.settings), print_settings(defaults));
  const std::string example(settings_example());
  for (const char* key : {"name",
                          "conninfo",
                          "password",
                          "password_file",
                          "vcpus",
                          "databases",
                          "allow_superuser",
                          "hot_queries",
                          "migrations",
                          "done",
                          "total",
                          "sql",
                          "enabled",
                          "address",
                          "port",
                          "token",
                          "token_file",
                          "insecure",
                          "for_warning",
                          "for_critical",
                          "keep_firing",
                          "external_url",
                          "diagnose_command",
                          "runbook_url",
                          "kind",
                          "url_file",
                          "send_resolved",
                          "allow_private",
                          "ca_file",
                          "sample",
                          "cycle",
                          "sweep",
                          "slow",
                          "level",
                          "format",
                          "receivers",
                          "parameters",
                          "user",
                          "search_path",
                          "max_cost",
                          "max_rows_read",
                          "directory",
                          "max_size",
                          "keep"})
    EXPECT_THAT(example, HasSubstr(std::string(key) + ":"));
}

TEST(Settings, WithoutAFileThereIsOneTarget) {
  Sources sources;
  EXPECT_EQ(settings_without_file("", sources.get()).settings.targets.at(0).name, "local");
  sources.environment["PGHOST"] = "db-9";
  sources.environment["PGPORT"] = "6000";
  EXPECT_EQ(settings_without_file("", sources.get()).settings.targets.at(0).name, "db-9:6000");
  sources.environment["PGPASSWORD"] = "c4nary";
  EXPECT_THAT(settings_without_file("", sources.get()).settings.secrets(), Contains("c4nary"));
  EXPECT_THAT(parse("", sources).settings.secrets(), Contains("c4nary"));
  EXPECT_EQ(settings_without_file("postgresql://u@h2:1/x", sources.get()).settings.targets.at(0).name, "h2:1");
  EXPECT_TRUE(settings_without_file("appdb", sources.get()).ok());
  EXPECT_FALSE(settings_without_file("bogus=1", sources.get()).ok());
}

TEST(SettingValues, ReadAndWrittenTheSame) {
  const std::pair<double, Unit> values[] = {{0, Unit::bytes},
                                            {1536, Unit::bytes},
                                            {64.0 * 1024 * 1024, Unit::bytes},
                                            {1000, Unit::bytes},
                                            {5e12, Unit::bytes},
                                            {0.8, Unit::ratio},
                                            {0.95, Unit::ratio},
                                            {1.5, Unit::ratio},
                                            {1.0 / 3, Unit::ratio},
                                            {0.1, Unit::seconds},
                                            {90, Unit::seconds},
                                            {7200, Unit::seconds},
                                            {0, Unit::seconds},
                                            {12.25, Unit::count},
                                            {5, Unit::per_second},
                                            {2048, Unit::bytes_per_second}};
  for (const auto& [value, unit] : values)
    EXPECT_EQ(parse_setting(format_setting(value, unit), unit), value) << format_setting(value, unit);
  EXPECT_EQ(format_setting(1073741824, Unit::bytes), "1 GiB");
  EXPECT_EQ(format_setting(0.8, Unit::ratio), "80 %");
  EXPECT_EQ(format_setting(300, Unit::seconds), "5 min");
  EXPECT_EQ(format_setting(1.5, Unit::ratio), "1.5") << "a share above 1 is a multiple, of the cores say";
  for (const char* bad : {"", "-1", "inf", "nan", "1 furlong", "GB", "1 GB 2", "1e999", "0x10"})
    EXPECT_EQ(parse_setting(bad, Unit::bytes), std::nullopt) << bad;
}

class SettingsFiles : public ::testing::Test {
 protected:
  SettingsFiles() {
    char name[] = "/tmp/pgvigil-settings-XXXXXX";
    directory = ::mkdtemp(name);
  }
  ~SettingsFiles() override { std::filesystem::remove_all(directory); }
  std::string directory;
};

TEST_F(SettingsFiles, OnlyRegularFilesOfASensibleSize) {
  const std::string file = directory + "/ok.yaml";
  std::ofstream(file) << "log: {level: debug}\n";
  EXPECT_EQ(load_settings(file).settings.log.level, "debug");
  const auto message = [](const std::string& path) { return load_settings(path).errors.at(0).to_string(); };
  EXPECT_THAT(message(directory), HasSubstr("is a directory"));
  EXPECT_THAT(message(directory + "/none"), HasSubstr("does not exist"));
  const std::string fifo = directory + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_THAT(message(fifo), HasSubstr("not a regular file"));
  const std::string large = directory + "/large";
  std::ofstream(large) << std::string((std::size_t{1} << 20) + 1, '#');
  EXPECT_THAT(message(large), HasSubstr("larger than 1 MiB"));
}

TEST_F(SettingsFiles, TheFilesModeIsSeen) {
  const std::string file = directory + "/open.yaml";
  std::ofstream(file) << "http: {token: abc}\n";
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  EXPECT_THAT(load_settings(file).warnings, ElementsAre(HasSubstr("mode is 0644")));
}

}  // namespace
}  // namespace pgvigil
