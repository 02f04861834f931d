#include "agent/commands/past.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "agent/commands/when.h"
#include "agent/core/text.h"
#include "agent/store/directory.h"

namespace pgvigil {
namespace {

constexpr double window = 15 * 60;      // seconds that are judged
constexpr double further = 2 * window;  // that are read: slow probes leave one answer older than the window
constexpr double unseen = 60;           // seconds without a record from which nobody looked
constexpr double moments_before = 86400;

const std::string which_directory =
    "give the directory that the agent names when it starts, or its configuration with -c";

// What opens it says more than SQLite's "unable to open database file".
std::unique_ptr<HistoryReader> opened(const std::string& directory) {
  const std::string file = directory + "/" + HistoryFile::name;
  if (::access(directory.c_str(), F_OK) != 0)
    throw NoPast{"no state in " + directory, errno == ENOENT ? "there is no such directory" : std::strerror(errno),
                 which_directory};
  if (::access(file.c_str(), F_OK) != 0)
    throw NoPast{"no state in " + directory, "no agent has kept anything there", which_directory};
  if (::access(file.c_str(), R_OK) != 0)
    throw NoPast{"cannot read " + file, std::strerror(errno), "ask as the user that the agent runs as, or as root"};
  try {
    return std::make_unique<HistoryReader>(directory);
  } catch (const SqliteError& e) {
    throw NoPast{"cannot read " + file, e.what(),
                 e.damaged() ? "the agent moves a damaged file aside and begins a new one" : "is it the agent's?"};
  }
}

HistoryReader::TargetInfo chosen(HistoryReader& reader, const std::string& directory, const std::string& name) {
  auto all = reader.targets();
  if (all.empty())
    throw NoPast{"no state in " + directory, "no target was seen yet", "the agent writes every ten seconds"};
  if (name.empty() && all.size() == 1) return std::move(all.front());
  std::string names;
  for (auto& t : all) {
    if (t.name == name) return std::move(t);
    names += (names.empty() ? "" : ", ") + one_line(t.name);
  }
  throw NoPast{name.empty() ? "which target?" : "no target " + name + " in " + directory, "it holds " + cut(names, 300),
               "name one with --target"};
}

}  // namespace

Past::Past(const std::string& directory, const std::string& target, const Settings& settings, bool named)
    : directory_(directory) {
  if (directory_.empty()) directory_ = settings.state.directory;
  if (directory_.empty()) directory_ = state_directory_to_read();
  reader_ = opened(directory_);
  try {
    const std::string first = named && !settings.targets.empty() ? settings.targets.front().name : "";
    target_ = chosen(*reader_, directory_, target.empty() ? first : target);
  } catch (const SqliteError& e) {
    throw NoPast{"cannot read " + directory_, e.what(), "the agent moves a damaged file aside and begins a new one"};
  }
  for (const TargetSettings& t : settings.targets)
    if (t.name == target_.name) {
      target_.context.hot_queries = t.hot_queries;
      if (t.vcpus) target_.context.vcpus = t.vcpus;
    }
}

std::vector<Minute> Past::minutes(Time from, Time until) { return reader_->minutes(target_.id, from, until); }

std::variant<Recording, MinutesPast> Past::at(std::optional<Time> when, Time now) try {
  const auto raw = reader_->raw(target_.id), minutes = reader_->minutes(target_.id);
  if (raw.empty() && minutes.empty())
    throw NoPast{"nothing is known of " + target_.name, "its first record is still to come",
                 "the agent writes every ten seconds"};
  const Time first = raw.empty() ? minutes.first : minutes.empty() ? raw.first : std::min(raw.first, minutes.first);
  const Time newest = std::max(raw.last, minutes.last);
  if (when && *when > now) throw NoPast{utc_and_here(*when) + " is still to come", "", "it is " + utc_and_here(now)};
  if (when && *when < first)
    throw NoPast{fmt::format("nothing is known of {} at {}", target_.name, utc_and_here(*when)),
                 "the first record is of " + utc_and_here(first), fmt::format("--at \"{}\"", rfc3339(first))};
  const Time asked = when.value_or(newest);
  const Time seen = reader_->last_before(target_.id, asked);

  const auto say = [&](Time as_of, bool whole) {
    words_ = fmt::format("as of {}, from the agent's state in {}{}", utc_and_here(as_of), directory_,
                         whole ? "" : ", minute by minute");
    const Time until = whole ? as_of : as_of + std::chrono::minutes(1);
    if (seconds_between(until, asked) > unseen)
      words_ += fmt::format("; nothing was recorded from then to {}", utc_and_here(asked));
  };
  const Time last_minute = minutes.empty() || minutes.first > asked ? Time{} : [&] {
    const auto before = reader_->minutes(target_.id, after(asked, -window), asked);
    return before.empty() ? Time{} : before.back().at;
  }();
  // Records in full tell more, unless the minutes are much nearer to the time that was asked for.
  if (seen != Time{} && seconds_between(seen, asked) <= std::max(unseen, seconds_between(last_minute, asked))) {
    Recording r;
    r.at = seen;
    r.context = target_.context;
    for (Observation& o : reader_->observations(target_.id, after(seen, -further), seen)) r.history.add(std::move(o));
    say(seen, true);
    return r;
  }
  MinutesPast p;
  p.minutes = reader_->minutes(target_.id, after(asked, -window), asked);
  if (p.minutes.empty())  // the last ones before a gap
    for (Time to = asked; p.minutes.empty() && to >= minutes.first; to = after(to, -86400))
      p.minutes = reader_->minutes(target_.id, after(to, -86400), to);
  if (p.minutes.size() > 15) p.minutes.erase(p.minutes.begin(), p.minutes.end() - 15);
  if (p.minutes.empty())
    throw NoPast{"nothing can be read of " + utc_and_here(asked), "its records are damaged",
                 "try another time with --at"};
  p.target = target_.name;
  p.at = std::min(asked, p.minutes.back().at + std::chrono::minutes(1));
  p.vcpus = target_.context.vcpus;
  p.moments = reader_->moments(target_.id, after(p.at, -moments_before), p.at);
  if (!raw.empty() && raw.first > asked) p.in_full = raw.first;
  say(p.minutes.back().at, false);
  p.past = words_;
  return p;
} catch (const SqliteError& e) {
  throw NoPast{"cannot read " + directory_, e.what(), "the agent moves a damaged file aside and begins a new one"};
}

}  // namespace pgvigil
