#include "agent/core/remember.h"

#include "checks/plans/remember.h"

namespace pgvigil {

Observation remember(const History& history, const Context& context, const AllCheckSettings& settings, Time at) {
  static const CheckSettings defaults;
  const auto input = [&](std::string_view check) {
    const auto it = settings.find(check);
    return Input(history, context, it == settings.end() ? defaults : it->second, at);
  };
  Observation memory{at, {}};
  const Input plans = input("plan_changed"), times = input("query_regressed");
  auto known = remembered_plans(plans, plans[retention]);
  describe_hot(plans, known);
  memory.answers[std::string(known_plans.id())] = {at, known_plans.rows(std::move(known)), {}, 0};
  memory.answers[std::string(usual_times.id())] = {
      at, usual_times.rows(remembered_times(times, times[retention])), {}, 0};
  return memory;
}

std::vector<const AnyProbe*> memories() {
  std::vector<const AnyProbe*> all;
  for (const AnyProbe* p : all_probes())
    if (p->about().wave == 0) all.push_back(p);
  return all;
}

}  // namespace pgvigil
