#include "checks/migration_pace.h"

namespace pgvigil {
namespace {

double per_second(double grown, Time from, Time until) {
  const double seconds = seconds_between(from, until);
  return grown > 0 && seconds > 0 ? grown / seconds : 0;
}

}  // namespace

double MigrationPace::before() const { return per_second(grown, first, still_since); }

std::optional<double> MigrationPace::left_seconds(const MigrationProgress& m) const {
  const double rate = per_second(grown, first, newest);
  if (rate <= 0 || !m.done || !m.total || finished(m)) return std::nullopt;
  return (*m.total - *m.done) / rate;
}

bool finished(const MigrationProgress& m) { return m.done && m.total && *m.done >= *m.total; }

bool stands_still(const MigrationProgress& m, const MigrationPace& p, double seconds) {
  if (!m.done || !m.total || finished(m)) return false;
  return (p.moved || *m.done > 0) && seconds_between(p.still_since, p.newest) >= seconds;
}

MigrationPace pace(const Input& in, const MigrationProgress& m) {
  MigrationPace p{.first = in.at(), .still_since = in.at(), .newest = in.at()};
  if (!m.done) return p;
  const auto& looks = in.history().series(migrations);
  double later = *m.done;
  bool seen = false;
  for (auto look = looks.rbegin(); look != looks.rend(); ++look) {
    if (look->rows == nullptr) continue;
    const auto* then = static_cast<const RowsOf<MigrationProgress>&>(*look->rows).find(migrations.key(m));
    if (then == nullptr || !then->done) continue;
    if (!seen) p.newest = look->at;
    seen = true;
    p.moved = p.moved || *then->done != *m.done;
    if (*then->done > later) break;  // counted anew since
    later = *then->done;
    p.first = look->at;
    p.grown = *m.done - later;
    if (!p.moved) p.still_since = look->at;
  }
  return p;
}

}  // namespace pgvigil
