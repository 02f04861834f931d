#include "agent/pg/explain_memory.h"

#include <algorithm>
#include <string_view>

namespace pgvigil::pg {

void ExplainMemory::note(const std::string& key, const Explained& failure, Clock::time_point now) {
  const std::string_view state = failure.sqlstate;
  constexpr std::chrono::minutes longest{10};
  Clock::duration pause{};
  int times = 1;
  if (state == "57014" || failure.ended) {  // a server without CPU to spare, for once, or a text that takes its time
    if (const Entry* before = entries_.find(key)) times = before->times + 1;
    const Clock::duration first = std::chrono::seconds(failure.ended ? 10 : 2);
    pause = std::min<Clock::duration>(first * (1 << std::min(2 * (times - 1), 10)), longest);
  } else if (state == "42501") {  // a GRANT may be on its way
    pause = std::chrono::minutes(1);
  } else if (state.starts_with("42") || state.starts_with("22") || state.starts_with("0A") || state == "3F000" ||
             state == "25006" || state == "PGV03") {
    pause = longest;
  }
  if (pause > Clock::duration{}) entries_.put(key, {failure, now + pause, times}, key.size() + 300);
}

void ExplainMemory::planned(const std::string& key) { entries_.forget(key); }

void ExplainMemory::keep(const std::string& key, Worked worked) {
  const std::size_t bytes = key.size() + (worked.repair == nullptr ? 0 : worked.repair->text().size()) + 300;
  worked_.put(key, std::move(worked), bytes);
}

ExplainMemory::Worked ExplainMemory::worked(const std::string& key) {
  const Worked* known = worked_.find(key);
  return known == nullptr ? Worked() : *known;
}

const Explained* ExplainMemory::failed(const std::string& key, Clock::time_point now) {
  const Entry* entry = entries_.find(key);
  return entry == nullptr || entry->until <= now ? nullptr : &entry->failure;
}

}  // namespace pgvigil::pg
