#include <fmt/format.h>

#include <map>

#include "checks/check.h"
#include "checks/probes/standbys.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Seconds> window{"window", 15 * 60, "a receiver that was seen within this time is missed"};
constexpr Setting<Seconds> known{"known", 5, "who streamed for less, which is in one look alone, came and went"};
constexpr Setting<Seconds> lingers{
    "lingers", 120, "of several with one name, the last may be left over from a connection that was lost"};

using Name = std::pair<std::string, std::string>;  // application, client

// Copies and syncs of single tables end by themselves.
bool is_passing(const Standby& s) {
  const std::string& a = s.application;
  return a == "pg_basebackup" || a == "pg_receivewal" || a == "pg_recvlogical" ||
         (a.starts_with("pg_") && a.find("_sync_") != std::string::npos);
}

// Several standbys may share one name: they are counted.
struct Seen {
  std::size_t most = 0, now = 0;
  Time from{}, until{};  // that so many streamed
  Standby example = {};
};

std::map<Name, Seen> receivers(const Input& in) {
  std::map<Name, Seen> all;
  for (const auto& look : in.series(standbys, in[window])) {
    std::map<Name, std::size_t> counts;
    for (const Standby& s : look.rows)
      if (!is_passing(s) && (s.state == "streaming" || s.state == "catchup")) {
        const Name name{s.application, s.client};
        ++counts[name];
        all[name].example = s;
      }
    for (auto& [name, seen] : all) {
      seen.now = counts[name];
      if (seen.now > seen.most) seen.most = seen.now, seen.from = look.at;
      if (seen.now == seen.most) seen.until = look.at;
    }
  }
  return all;
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  if (in.context().one_shot) return found;  // it cannot know who was there
  const auto all = receivers(in);
  std::size_t left = 0;
  for (const auto& [name, seen] : all) left += seen.now;
  for (const auto& [name, seen] : all) {
    const double gone = seconds_between(seen.until, in.at());
    const double there = seconds_between(seen.from, seen.until);
    if (seen.now >= seen.most || there < (seen.most > 1 ? in[lingers] : in[known])) continue;
    const std::string who = name.first.empty() ? "without a name" : words::one_line(name.first, 63);
    Finding f;
    f.severity = Severity::warning;
    f.act_by = ActBy::today;
    f.object = {"standby", words::one_line(name.first, 63)};
    f.sentence = fmt::format("the receiver of WAL {} ({}) has been gone for {}; {}", who,
                             words::one_line(name.second, 63), words::duration(gone),
                             left == 0   ? "nobody is left to take over"
                             : left == 1 ? "1 other streams"
                                         : words::count(static_cast<double>(left)) + " others stream");
    f.since = seen.until;
    f.evidence = {{"last seen", fmt::format("{} ago, {} as role {}", words::duration(gone), seen.example.state,
                                            words::one_line(seen.example.user, 63))}};
    if (seen.most > 1) f.evidence.push_back({"of that name", fmt::format("{} of {}", seen.now, seen.most)});
    f.confidence = Confidence::medium;
    f.basis = "the server's list of its receivers; whether it was taken away on purpose cannot be seen";
    f.fix = "bring " + who + " back";
    Step look{.title = "see who streams now, and how far each is",
              .database = "postgres",
              .run_as = "superuser",
              .sql =
                  "SELECT application_name, client_addr, state, sync_state, replay_lsn FROM "
                  "pg_catalog.pg_stat_replication;"};
    look.duration = "at once";
    look.lock = "none";
    f.remedies = {
        {Remedy::Kind::first_aid, "see who is left", {std::move(look)}},
        {Remedy::Kind::cure,
         "start it, or mend the way between; its own log says why it does not connect. Without a slot the WAL "
         "that it needs is removed after a while (wal_keep_size), and it has to be built anew",
         {}}};
    found.push_back(std::move(f));
  }
  return found;
}

std::string fine(const Input& in) {
  if (in.context().one_shot || in.seen(standbys) == nullptr) return {};
  const auto now = in.now(standbys);
  return now.empty() ? "nobody has received WAL of late"
                     : words::counted(static_cast<double>(now.size()), "receiver") + " of WAL, none gone";
}

// Each ten seconds: how many of a name stream.
Scenario story(const std::vector<int>& counts, const char* name = "berlin", bool one_shot = false) {
  Scenario out;
  out.context.one_shot = one_shot;
  double ago = 10.0 * static_cast<double>(counts.size() - 1);
  for (const int n : counts) {
    std::vector<Standby> rows;
    for (int i = 0; i < n; ++i) {
      Standby s;
      s.pid = 100 + i;
      s.application = name, s.client = "10.0.0.8", s.user = "replicator", s.state = "streaming";
      rows.push_back(s);
    }
    out.saw(ago, standbys, rows);
    ago -= 10;
  }
  return out;
}

}  // namespace

extern const Check replica_disconnected;
const Check replica_disconnected{
    .id = "replica_disconnected",
    .title = "A standby is gone",
    .why = "It falls behind with every second, and a failover that needs it loses what it has not received.",
    .role = Role::cause,
    .reads = {standbys},
    .settings = {window, known, lingers},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"the only one, half a minute ago",
                  [] {
                    return story({1, 1, 1, 1, 0, 0, 0});
                  },
                  {Severity::warning}},
                 {"one of two of the same name",
                  [] {
                    return story({2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1});
                  },
                  {Severity::warning}},
                 {"one came again before the server had given up its old connection",
                  [] {
                    return story({1, 1, 1, 2, 2, 2, 2, 1, 1, 1});
                  },
                  {}},
                 {"it was away for one look",
                  [] {
                    return story({1, 1, 1, 1, 0, 1, 1});
                  },
                  {}},
                 {"since the last look",
                  [] {
                    return story({1, 1, 1, 1, 0});
                  },
                  {Severity::warning}},
                 {"it was there for one look",
                  [] {
                    return story({0, 0, 1, 0, 0, 0, 0});
                  },
                  {}},
                 {"a backup that ended",
                  [] {
                    return story({1, 1, 1, 1, 0, 0, 0}, "pg_basebackup");
                  },
                  {}},
                 {"one look does not know who was there",
                  [] {
                    return story({1, 1, 1, 0, 0}, "berlin", true);
                  },
                  {}},
                 {"all stream",
                  [] {
                    return story({2, 2, 2, 2});
                  },
                  {}}},
};

}  // namespace pgvigil
