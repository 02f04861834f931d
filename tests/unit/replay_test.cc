// Saved observations of real incidents, judged again: every form of the report as it was reviewed. A change of words or
// of judgement shows as a difference here. PGVIGIL_UPDATE_GOLDEN=1 writes the forms anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "agent/core/evaluate.h"
#include "agent/core/recording.h"
#include "agent/core/render_json.h"
#include "agent/core/render_markdown.h"
#include "agent/core/render_nagios.h"
#include "agent/core/render_text.h"

namespace pgvigil {
namespace {

namespace fs = std::filesystem;

const fs::path folder = fs::path(PGVIGIL_SOURCE_DIR) / "tests/replays";

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> saved() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".observation") names.push_back(entry.path().stem());
  std::sort(names.begin(), names.end());
  return names;
}

class Replay : public testing::TestWithParam<std::string> {};

TEST_P(Replay, IsReportedAsReviewed) {
  const Recording r = load_recording(read(folder / (GetParam() + ".observation")));
  Report report = rank(evaluate_all(r.history, r.context, {}, r.at), r.history, r.context, r.at);
  report.cost = r.cost;
  for (const auto& [form, text] :
       {std::pair{".txt", render_text(report, {})}, std::pair{".wide.txt", render_text(report, {.width = 140})},
        std::pair{".md", render_markdown(report)}, std::pair{".nagios", render_nagios(report) + "\n"},
        std::pair{".json", render_json(report, 2) + "\n"}}) {
    const fs::path path = folder / (GetParam() + form);
    if (std::getenv("PGVIGIL_UPDATE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << text;
    EXPECT_EQ(text, read(path)) << "hint: PGVIGIL_UPDATE_GOLDEN=1 writes it anew; look at the difference";
  }
}
INSTANTIATE_TEST_SUITE_P(Replays, Replay, testing::ValuesIn(saved()), [](const auto& i) { return i.param; });

TEST(Replays, ThereIsTheFoundingIncident) { EXPECT_TRUE(fs::exists(folder / "founding_incident.observation")); }

std::size_t widest(const std::string& text) {
  std::size_t most = 0;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t to = std::min(text.find('\n', from), text.size());
    most = std::max(most, to - from);
    from = to + 1;
  }
  return most;
}

Report named(std::string sentence) {
  Report r;
  r.target = "caf\u00e9";
  r.verdict = Severity::critical;
  Finding f{.object = {"table", "t"}, .sentence = std::move(sentence)};
  r.headline = f.sentence;
  r.incidents.emplace_back().causes.push_back(std::move(f));
  return r;
}

TEST(RenderText, KeepsToItsWidthAndToAscii) {
  const Report r = named("every run reads all of public.\u8868 and so on, with words enough to break the line twice");
  EXPECT_LE(widest(render_text(r, {.width = 60, .ascii = true})), 60U);
  EXPECT_GT(widest(render_text(r, {.width = 140})), 90U);
  for (const char c : render_text(r, {.ascii = true})) EXPECT_LT(static_cast<unsigned char>(c), 0x80);
}

TEST(RenderNagios, IsOneLineWithOneBar) {
  Report r = named("a | b\nsecond line");
  r.load.samples = 3;
  r.load.active = 7.25;
  const std::string text = render_nagios(r);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(std::count(text.begin(), text.end(), '|'), 1);
  EXPECT_TRUE(text.starts_with("PGVIGIL CRITICAL - caf")) << text;
  EXPECT_NE(text.find(" load=7.25;;;0"), std::string::npos);
}

TEST(RenderNagios, SaysUnknownWhereTheExitCodeDoes) {
  Report r;
  r.partial = true;
  EXPECT_TRUE(render_nagios(r).starts_with("PGVIGIL UNKNOWN"));
  r.verdict = Severity::warning;
  EXPECT_TRUE(render_nagios(r).starts_with("PGVIGIL WARNING"));
}

TEST(RenderMarkdown, NamesAreTextWhateverTheyHold) {
  Report r = named("<img src=x> **bold** `code` [link](http://x) # head");
  Step s{.title = "build", .database = "d", .run_as = "o", .sql = "SELECT '```';"};
  r.incidents[0].causes[0].remedies.push_back({Remedy::Kind::cure, "c", {s}});
  const std::string text = render_markdown(r);
  EXPECT_EQ(text.find("<img"), std::string::npos);
  EXPECT_EQ(text.find("**bold**"), std::string::npos);
  EXPECT_EQ(text.find("[link]"), std::string::npos);
  EXPECT_NE(text.find("````sql\n   SELECT '```';\n   ````"), std::string::npos) << text;
}

}  // namespace
}  // namespace pgvigil
