#include "agent/core/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "agent/settings/settings.h"

namespace pgvigil {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Thing {
  std::int64_t size = 0;
};
const Probe<Thing> things({.id = "things",
                           .title = "Things that are large",
                           .sql = {{130000, "SELECT 1"}},
                           .metrics = {{"pgvigil_thing_bytes", "Size of things.", MetricKind::gauge, "size", {}}}},
                          {{"size", &Thing::size}});
std::vector<Finding> quiet(const Input&) { return {}; }
Scenario nothing() { return {}; }
const Check large_thing{
    .id = "large_thing",
    .title = "Large thing | here",
    .why = "It is \"large\": {{ $value }}.",
    .role = Role::cause,
    .explains = {"slow_thing", "not_there"},
    .reads = {things},
    .settings = {Setting<Bytes>{"min_size", 1_GiB, "smaller ones are left alone"}},
    .evaluate = quiet,
    .examples = {{"one large thing", &nothing, {Severity::critical}}, {"a small one", &nothing, {}}}};
const Check slow_thing{
    .id = "slow_thing", .title = "Slow thing", .why = "It is slow.", .role = Role::symptom, .evaluate = quiet};
const Check a_word{.id = "a_word", .title = "A word", .why = "Only advice.", .role = Role::advice, .evaluate = quiet};

Catalog small() { return {{&a_word, &large_thing, &slow_thing}, {&things}}; }

TEST(Catalog, AsJson) {
  const auto all = nlohmann::json::parse(catalog_json(small()));
  ASSERT_EQ(all["checks"].size(), 3u);
  const auto& c = all["checks"][1];
  EXPECT_EQ(c["id"], "large_thing");
  EXPECT_EQ(c["role"], "cause");
  EXPECT_EQ(c["explains"], nlohmann::json({"slow_thing", "not_there"}));
  EXPECT_EQ(c["reads"], nlohmann::json({"things"}));
  EXPECT_EQ(c["settings"][0]["default"], 1073741824.0);
  EXPECT_EQ(c["examples"][1]["expect"], "stays quiet");
  EXPECT_EQ(all["probes"][0]["metrics"], nlohmann::json({"pgvigil_thing_bytes"}));
}

TEST(Catalog, ACheckHasAPage) {
  const std::string page = check_page(small(), large_thing);
  EXPECT_THAT(page,
              AllOf(HasSubstr("`large_thing` is a cause."), HasSubstr("- [`slow_thing`](slow_thing.md)"),
                    HasSubstr("- `not_there`\n"), HasSubstr("| `min_size` | 1 GiB | smaller ones are left alone |"),
                    HasSubstr("- `things`: Things that are large"), HasSubstr("| one large thing | critical |")));
  EXPECT_THAT(check_page(small(), slow_thing), HasSubstr("It is explained by:\n- [`large_thing`](large_thing.md)"));
  EXPECT_THAT(checks_index(small()), HasSubstr("| [`large_thing`](large_thing.md) | Large thing \\| here |"));
}

TEST(Catalog, TheYamlHoldsEveryDefaultAndReadsBack) {
  const Catalog catalog = small();
  const std::string text = std::string(settings_example()) + checks_yaml(catalog);
  const SettingsSources sources{[](const std::string&) { return std::nullopt; }, {}, &catalog.checks};
  const auto loaded = parse_settings(text, "x", sources);
  ASSERT_TRUE(loaded.ok()) << loaded.errors[0].to_string();
  EXPECT_EQ(loaded.settings.checks.size(), 3u);
  EXPECT_EQ(loaded.settings.checks.at("large_thing").values.at("min_size"), 1073741824.0);
}

TEST(Catalog, RulesForCausesAndSymptomsOnly) {
  const std::string rules = alert_rules(small());
  EXPECT_THAT(rules, HasSubstr("expr: pgvigil_notifications_oldest_seconds > 300"));
  EXPECT_THAT(own_alert_rules(),
              AllOf(HasSubstr("expr: pgvigil_notifications_oldest_seconds > 300"), Not(HasSubstr("pgvigil_finding"))));
  const std::string found = rules.substr(rules.find("  - name: pgvigil\n"));
  EXPECT_THAT(found, AllOf(HasSubstr("alert: large_thing\n"), HasSubstr("pgvigil_finding{check=\"large_thing\""),
                           HasSubstr("alert: slow_thing\n"), Not(HasSubstr("a_word")), Not(HasSubstr("{{"))));
}

TEST(Catalog, MetricsNameTheirProbe) {
  EXPECT_THAT(metrics_page(small()),
              HasSubstr("| `pgvigil_thing_bytes` | gauge | target | Size of things. | `things` |"));
}

// The committed documents are the ones that this source makes.
TEST(Catalog, CommittedFilesAreFresh) {
  const std::filesystem::path root = PGVIGIL_SOURCE_DIR;
  std::set<std::string> pages;
  for (const CatalogFile& file : catalog_files(whole_catalog(), settings_example(), minimal_settings_example())) {
    std::ifstream in(root / file.path, std::ios::binary);
    std::ostringstream committed;
    committed << in.rdbuf();
    EXPECT_TRUE(in.good() || in.eof()) << file.path << " is missing: run pgvigil catalog --write .";
    EXPECT_TRUE(committed.str() == file.text) << file.path << " is stale: run pgvigil catalog --write .";
    pages.insert(file.path);
  }
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(root / "docs/checks", error))
    EXPECT_TRUE(pages.contains("docs/checks/" + entry.path().filename().string()))
        << entry.path() << " belongs to no check";
}

}  // namespace
}  // namespace pgvigil
