// Every check by its own examples, and by mutations of them: what it reads fails, what it compares with moves.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "agent/core/evaluate.h"
#include "checks/check.h"

namespace pgvigil {
namespace {

bool lower_snake(std::string_view s) {
  return !s.empty() && s.front() >= 'a' && s.front() <= 'z' && std::all_of(s.begin(), s.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

Result judge(const Check& check, const Scenario& s, const CheckSettings& settings = {}) {
  return evaluate(check, Input(s.history, s.context, settings, s.at));
}

std::vector<Severity> severities(const Result& r) {
  std::vector<Severity> all;
  for (const Finding& f : r.findings) all.push_back(f.severity);
  return all;
}

// What a sink would notice.
std::vector<std::tuple<Severity, Role, ActBy, std::string>> outcome(const Result& r) {
  std::vector<std::tuple<Severity, Role, ActBy, std::string>> all;
  for (const Finding& f : r.findings) all.emplace_back(f.severity, f.role, f.act_by, f.object.name);
  return all;
}

// The same past, but this probe never got an answer.
Scenario with_failing(const Scenario& s, const AnyProbe& probe) {
  Scenario out;
  out.context = s.context;
  out.at = s.at;
  for (const auto& [id, answers] : s.history.all())
    for (const Answer& a : answers) {
      Answer copy = a;
      if (id == probe.id()) {
        copy.rows = nullptr;
        copy.failures = {{.sqlstate = "42501", .message = "permission denied", .mend = "GRANT something TO somebody;"}};
      }
      out.history.add({a.at, {{id, std::move(copy)}}});
    }
  return out;
}

class EveryCheck : public testing::TestWithParam<const Check*> {};

TEST_P(EveryCheck, IsDescribed) {
  const Check& c = *GetParam();
  EXPECT_TRUE(lower_snake(c.id)) << c.id;
  EXPECT_EQ(find_check(c.id), &c);
  EXPECT_FALSE(c.title.empty());
  EXPECT_NE(c.title.back(), '.');
  EXPECT_FALSE(c.why.empty());
  EXPECT_NE(c.evaluate, nullptr);
  for (const std::string_view id : c.explains) {
    EXPECT_TRUE(lower_snake(id)) << id;
    EXPECT_NE(id, c.id);
  }
  std::set<std::string_view> keys;
  for (const SettingInfo& s : c.settings) {
    EXPECT_TRUE(lower_snake(s.key)) << s.key;
    EXPECT_NE(s.key, "enabled");
    EXPECT_TRUE(keys.insert(s.key).second) << s.key;
    EXPECT_FALSE(s.doc.empty()) << s.key;
    EXPECT_GE(s.fallback, 0) << s.key;
  }
  std::set<std::string_view> probes;
  for (const auto* list : {&c.reads, &c.may_read})
    for (const ProbeRef& p : *list) {
      EXPECT_EQ(find_probe(p.probe->id()), p.probe);
      EXPECT_TRUE(probes.insert(p.probe->id()).second) << p.probe->id() << " is named twice";
    }
}

TEST_P(EveryCheck, HasOneExampleThatFiresAndOneThatIsQuiet) {
  const auto& all = GetParam()->examples;
  const auto fires = [](const Example& e) { return !e.expect.empty(); };
  EXPECT_TRUE(std::any_of(all.begin(), all.end(), fires));
  EXPECT_FALSE(std::all_of(all.begin(), all.end(), fires));
}

TEST_P(EveryCheck, SaysWhatItsExamplesExpect) {
  for (const Example& e : GetParam()->examples) {
    const Result r = judge(*GetParam(), e.make());
    EXPECT_FALSE(r.unknown.has_value()) << e.title << ": " << (r.unknown ? r.unknown->message : "");
    EXPECT_EQ(severities(r), e.expect) << e.title << (r.findings.empty() ? "" : ": " + r.findings.front().sentence);
  }
}

TEST_P(EveryCheck, SaysItWell) {
  const Check& c = *GetParam();
  for (const Example& e : c.examples) {
    const Result r = judge(c, e.make());
    for (const Finding& f : r.findings) {
      SCOPED_TRACE(std::string(e.title) + ": " + f.sentence);
      ASSERT_FALSE(f.sentence.empty());
      EXPECT_FALSE(std::isupper(static_cast<unsigned char>(f.sentence.front())));
      EXPECT_NE(f.sentence.back(), '.');
      EXPECT_EQ(f.sentence.find('\n'), std::string::npos);
      EXPECT_EQ(f.sentence.find("nan"), std::string::npos);
      EXPECT_NE(f.severity, Severity::ok);
      EXPECT_FALSE(f.object.kind.empty());
      EXPECT_FALSE(f.evidence.empty());
      EXPECT_FALSE(f.basis.empty());
      for (const Evidence& v : f.evidence) {
        EXPECT_FALSE(v.what.empty());
        EXPECT_FALSE(v.value.empty()) << v.what;
      }
      for (const Remedy& m : f.remedies) {
        EXPECT_FALSE(m.summary.empty());
        for (const Step& s : m.steps) {
          EXPECT_FALSE(s.title.empty());
          EXPECT_FALSE(s.run_as.empty()) << s.title;
          EXPECT_TRUE(s.sql.ends_with(';')) << s.sql;
        }
      }
    }
    if (c.fine != nullptr && r.findings.empty()) {
      EXPECT_EQ(r.fine.find('\n'), std::string::npos) << e.title;
    }
  }
}

TEST_P(EveryCheck, IsUnknownWhenAProbeItReadsFails) {
  const Check& c = *GetParam();
  for (const ProbeRef& p : c.reads)
    for (const Example& e : c.examples) {
      if (e.expect.empty()) continue;
      const Result r = judge(c, with_failing(e.make(), *p.probe));
      EXPECT_TRUE(r.unknown.has_value()) << e.title << ", without " << p.probe->id();
      EXPECT_TRUE(r.findings.empty()) << e.title << ", without " << p.probe->id();
    }
}

TEST_P(EveryCheck, SurvivesWithoutWhatItMayRead) {
  const Check& c = *GetParam();
  for (const ProbeRef& p : c.may_read)
    for (const Example& e : c.examples)
      EXPECT_FALSE(judge(c, with_failing(e.make(), *p.probe)).unknown.has_value())
          << e.title << ", without " << p.probe->id();
}

TEST_P(EveryCheck, ChangesItsMindWhenASettingMoves) {
  const Check& c = *GetParam();
  for (const SettingInfo& setting : c.settings) {
    bool moved = false;
    for (const Example& e : c.examples) {
      const Scenario s = e.make();
      const auto before = outcome(judge(c, s));
      for (const double value : {setting.fallback * 1000, setting.fallback / 1000, 0.0, 1e18}) {
        CheckSettings settings;
        settings.values[std::string(setting.key)] = value;
        moved = moved || outcome(judge(c, s, settings)) != before;
      }
    }
    EXPECT_TRUE(moved) << "no example depends on " << setting.key;
  }
}

// While it fires it sees the level at which it is cleared, and nothing else changes.
TEST_P(EveryCheck, ClearsWhereItsSettingsSay) {
  const Check& check = *GetParam();
  CheckSettings cleared;
  for (const SettingInfo& s : check.settings)
    if (s.clear != 1) cleared.values[std::string(s.key)] = s.fallback * s.clear;
  for (const Example& e : check.examples) {
    Scenario s = e.make();
    const auto firing = outcome(evaluate(check, Input(s.history, s.context, {}, s.at, true)));
    EXPECT_EQ(firing, outcome(judge(check, s, cleared))) << e.title;
    s.context.firing.emplace(check.id);
    const auto all = evaluate_all(s.history, s.context, {}, s.at);
    for (const Result& r : all)
      if (r.check == &check) {
        EXPECT_EQ(outcome(r), firing) << e.title;
      }
  }
}

TEST(Checks, AFigureThatHoversAtALevelIsOneIncident) {
  const Check& check = *find_check("lock_table_near_full");
  const Scenario s = check.examples.front().make();
  CheckSettings settings;
  double raised = 0;  // the highest level at which it still fires
  for (double level = 0.02; level < 1; level += 0.01) {
    settings.values["warn"] = level;
    if (!judge(check, s, settings).findings.empty()) raised = level;
  }
  ASSERT_GT(raised, 0.1);
  settings.values["warn"] = raised * 1.08;
  EXPECT_TRUE(judge(check, s, settings).findings.empty());
  EXPECT_FALSE(evaluate(check, Input(s.history, s.context, settings, s.at, true)).findings.empty());
}

TEST_P(EveryCheck, IsQuietAboutAnEmptyPast) {
  Scenario s;
  EXPECT_TRUE(judge(*GetParam(), s).findings.empty());
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EveryCheck, testing::ValuesIn(all_checks()),
                         [](const auto& i) { return std::string(i.param->id); });

TEST(Checks, AreInTheOrderOfTheirNames) {
  const auto& all = all_checks();
  ASSERT_FALSE(all.empty());
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end(), [](const Check* a, const Check* b) { return a->id < b->id; }));
  EXPECT_EQ(find_check("no_such_check"), nullptr);
}

}  // namespace
}  // namespace pgvigil
