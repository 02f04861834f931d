#include <fmt/format.h>

#include "checks/check.h"
#include "checks/probes/server.h"
#include "checks/releases.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Count> warn{"warn", 3, "minor releases behind the newest known one from which it warns"};

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  for (const Server& s : in.now(server)) {
    const Release* r = release_of(s.version_num);
    const auto minor = s.version_num % 10'000;
    if (r == nullptr || minor >= r->minor) continue;
    const auto behind = static_cast<double>(r->minor - minor);
    Finding f;
    f.role = Role::advice;
    f.severity = behind >= in[warn] ? Severity::warning : Severity::info;
    f.act_by = behind >= in[warn] ? ActBy::this_week : ActBy::later;
    f.object = {"server", in.context().target};
    f.sentence = fmt::format("this server runs {}.{}, {} behind {}.{}", r->major, minor,
                             words::counted(behind, "minor release"), r->major, r->minor);
    f.evidence = {{"runs", fmt::format("{}.{}", r->major, minor)},
                  {"newest known", fmt::format("{}.{}", r->major, r->minor)},
                  {"table of releases", releases_age(in.at())}};
    f.confidence = Confidence::high;
    f.basis = "releases known to this build; there may be newer ones";
    f.fix = "install the minor release and restart: the data files stay as they are";
    found.push_back(std::move(f));
  }
  return found;
}

std::string fine(const Input& in) {
  for (const Server& s : in.now(server))
    if (release_of(s.version_num) != nullptr)
      return fmt::format("{} is the newest minor release known {}", words::one_line(s.version, 20),
                         releases_age(in.at()));
  return {};
}

Scenario runs(std::int64_t version) {
  Server s;
  s.version_num = version;
  s.version = fmt::format("{}.{}", version / 10'000, version % 10'000);
  Scenario out;
  out.at = releases_known_at();
  return out.saw(1, server, {s});
}

}  // namespace

extern const Check minor_release_behind;
const Check minor_release_behind{
    .id = "minor_release_behind",
    .title = "Minor release missing",
    .why = "Minor releases hold only fixes, of lost data and security holes among others, and need but a restart.",
    .role = Role::advice,
    .reads = {server},
    .settings = {warn},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"ten behind", [] { return runs(150'010); }, {Severity::warning}},
                 {"one behind", [] { return runs(150'019); }, {Severity::info}},
                 {"the newest known", [] { return runs(150'020); }, {}},
                 {"newer than the table", [] { return runs(150'031); }, {}}},
};

}  // namespace pgvigil
