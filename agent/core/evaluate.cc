#include "agent/core/evaluate.h"

#include <algorithm>
#include <exception>

#include "checks/cannot_judge.h"
#include "checks/plans/preflight.h"
#include "checks/probes/activity.h"

namespace pgvigil {
namespace {

// Why the check cannot judge; nothing when every probe it reads has answered.
std::optional<Failure> blocked(const Check& check, const Input& in) {
  for (const ProbeRef& ref : check.reads) {
    if (in.seen(*ref.probe) != nullptr) continue;
    const Answer* last = in.history().latest(*ref.probe);
    if (last != nullptr && !last->failures.empty()) return last->failures.front();
    return Failure{.sqlstate = "PGV03", .message = std::string(ref.probe->about().title) + ": not asked yet"};
  }
  return std::nullopt;
}

bool reads(const Check& check, const AnyProbe& probe) {
  return std::any_of(check.reads.begin(), check.reads.end(), [&](const ProbeRef& ref) { return ref.probe == &probe; });
}

// A blind spot is never "ruled out": where one database did not answer, nothing is.
bool saw_all(const Check& check, const Input& in) {
  for (const ProbeRef& ref : check.reads)
    if (const Answer* last = in.history().latest(*ref.probe); last != nullptr && !last->failures.empty()) return false;
  return true;
}

}  // namespace

Result evaluate(const Check& check, const Input& in) {
  Result result{.check = &check};
  result.unknown = blocked(check, in);
  if (result.unknown) return result;
  try {
    result.findings = check.evaluate(in);
    // Nothing found among sessions that are hidden from us is no finding of nothing.
    if (result.findings.empty() && reads(check, activity)) need_sight(in);
    if (result.findings.empty() && check.fine != nullptr && saw_all(check, in)) result.fine = check.fine(in);
  } catch (const CannotJudge& e) {
    result.unknown = Failure{.sqlstate = "42501", .message = e.what(), .mend = e.mend};
  } catch (const std::exception& e) {
    // A judgement that breaks costs only itself, and is never silent.
    result.findings.clear();
    result.unknown = Failure{.sqlstate = "PGV05",
                             .message = "the check failed: " + std::string(e.what()),
                             .mend = "please report this with a saved observation (pgvigil diagnose --save)"};
  }
  for (Finding& f : result.findings) f.check = check.id;
  return result;
}

std::vector<Result> evaluate_all(const History& history, const Context& context, const AllCheckSettings& settings,
                                 Time at) {
  static const CheckSettings defaults;
  std::vector<Result> results;
  for (const Check* check : all_checks()) {
    const auto it = settings.find(check->id);
    const CheckSettings& own = it == settings.end() ? defaults : it->second;
    if (own.enabled)
      results.push_back(evaluate(*check, Input(history, context, own, at, context.firing.contains(check->id))));
  }
  std::vector<Remedy*> remedies;
  for (Result& r : results)
    for (Finding& f : r.findings)
      for (Remedy& m : f.remedies) remedies.push_back(&m);
  preflight(Input(history, context, defaults, at), remedies);
  return results;
}

}  // namespace pgvigil
