#include "checks/history.h"

#include <algorithm>

namespace pgvigil {

void History::add(Observation observation) {
  newest_ = std::max(newest_, observation.at);
  for (auto& [id, answer] : observation.answers) {
    auto& all = series_[id];
    auto place = all.end();
    while (place != all.begin() && std::prev(place)->at > answer.at) --place;
    all.insert(place, std::move(answer));
    // A memory takes the place of the one it was made from.
    if (const AnyProbe* probe = find_probe(id); probe != nullptr && probe->about().wave == 0)
      while (all.size() > 1) all.pop_front();
    std::size_t rows = 0;
    for (const Answer& a : all) rows += a.rows ? a.rows->size() : 0;
    const auto drop = [&](auto it) {
      rows -= it->rows ? it->rows->size() : 0;
      return all.erase(it);
    };
    // Two answers stay: a rate needs a second point however slow the cadence.
    while (all.size() > 2 && seconds_between(all.front().at, newest_) > keep_seconds) drop(all.begin());
    if (rows > keep_rows)  // thin what is older than a minute: the span stays
      for (auto it = all.begin(); it != all.end() && seconds_between(it->at, newest_) > 60;)
        if ((it = drop(it)) != all.end()) ++it;
    while (all.size() > 1 && rows > keep_rows) drop(all.begin());
  }
}

const std::deque<Answer>& History::series(const AnyProbe& probe) const {
  static const std::deque<Answer> none;
  const auto it = series_.find(probe.id());
  return it == series_.end() ? none : it->second;
}

const Answer* History::latest(const AnyProbe& probe) const {
  const auto& all = series(probe);
  return all.empty() ? nullptr : &all.back();
}

}  // namespace pgvigil
