#include "checks/check.h"

namespace pgvigil {

const Answer* Input::newest_with_rows(const AnyProbe& probe) const {
  const Answer* a = history_->latest(probe);
  return a != nullptr && a->rows ? a : nullptr;
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
