#include <fmt/format.h>

#include "checks/check.h"
#include "checks/probes/server.h"
#include "checks/releases.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Seconds> ahead{"ahead", 270.0 * 86'400, "how long before its end of life a version is named"};

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  for (const Server& s : in.now(server)) {
    const Release* r = release_of(s.version_num);
    if (r == nullptr) continue;
    const double left = seconds_between(in.at(), Time(std::chrono::sys_days(r->end_of_life)));
    if (left > in[ahead]) continue;
    Finding f;
    f.role = Role::advice;
    f.severity = left < 0 ? Severity::warning : Severity::info;
    f.act_by = left < 0 ? ActBy::this_week : ActBy::later;
    f.object = {"server", in.context().target};
    f.sentence = left < 0
                     ? fmt::format("PostgreSQL {} has had no security or data-loss fixes since {}: plan the upgrade",
                                   r->major, in_words(r->end_of_life))
                     : fmt::format("PostgreSQL {} gets its last fixes on {}, in {}: plan the upgrade", r->major,
                                   in_words(r->end_of_life), words::duration(left));
    f.sentence = "this server's " + f.sentence;
    f.evidence = {{"runs", words::one_line(s.version, 20)}, {"end of life", in_words(r->end_of_life)}};
    f.confidence = Confidence::high;
    f.basis = "dates known to this build, " + releases_age(in.at());
    found.push_back(std::move(f));
  }
  return found;
}

std::string fine(const Input& in) {
  for (const Server& s : in.now(server)) {
    const Release* r = release_of(s.version_num);
    if (r != nullptr) return fmt::format("PostgreSQL {} is supported until {}", r->major, in_words(r->end_of_life));
    return fmt::format("PostgreSQL {} is newer than this build's table ({})", s.version_num / 10'000,
                       releases_age(in.at()));
  }
  return {};
}

Scenario runs(std::int64_t version, std::chrono::year_month_day day) {
  Server s;
  s.version_num = version;
  s.version = fmt::format("{}.{}", version / 10'000, version % 10'000);
  Scenario out;
  out.at = Time(std::chrono::sys_days(day));
  return out.saw(1, server, {s});
}

using namespace std::chrono_literals;

}  // namespace

extern const Check version_unsupported;
const Check version_unsupported{
    .id = "version_unsupported",
    .title = "PostgreSQL version at its end of life",
    .why = "Bugs that lose data and holes that are known to everybody are no longer mended.",
    .role = Role::advice,
    .reads = {server},
    .settings = {ahead},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"13, a year after its end", [] { return runs(130'023, 2026y / 11 / 26); }, {Severity::warning}},
                 {"14, half a year before it", [] { return runs(140'023, 2026y / 5 / 20); }, {Severity::info}},
                 {"15, told by a build that is old", [] { return runs(150'020, 2028y / 1 / 1); }, {Severity::warning}},
                 {"18, years before it", [] { return runs(180'004, 2026y / 11 / 26); }, {}},
                 {"a version that came after this build", [] { return runs(250'001, 2026y / 11 / 26); }, {}}},
};

}  // namespace pgvigil
