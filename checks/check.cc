#include "checks/check.h"

namespace pgvigil {

double Intervals::of(Cadence c) const {
  switch (c) {
    case Cadence::sample:
      return sample;
    case Cadence::cycle:
      return cycle;
    case Cadence::sweep:
      return sweep;
    case Cadence::slow:
      return slow;
    case Cadence::diagnose:
      break;
  }
  return 3600;
}

const Answer* Input::seen(const AnyProbe& probe) const {
  const auto& all = history_->series(probe);
  const double oldest = 3 * context_->intervals.of(probe.about().cadence) + 3;
  for (auto a = all.rbegin(); a != all.rend() && seconds_between(a->at, at_) <= oldest; ++a)
    if (a->rows) return &*a;
  return nullptr;
}

Scenario& Scenario::failed(double ago, const AnyProbe& probe, Failure failure) {
  Observation o{pgvigil::after(at, -ago), {}};
  o.answers[std::string(probe.id())] = Answer{o.at, nullptr, {std::move(failure)}, 0};
  history.add(std::move(o));
  return *this;
}

const Check* find_check(std::string_view id) {
  for (const Check* c : all_checks())
    if (c->id == id) return c;
  return nullptr;
}

}  // namespace pgvigil
