#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "checks/check.h"
#include "checks/probes/disks.h"
#include "checks/probes/slots.h"
#include "checks/probes/wal.h"
#include "checks/server_setting.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

// A slot that nobody reads keeps all WAL from its last position on, until the disk is full. That is seen long before it
// hurts: by its growth. A reader that is only restarting is back before it has missed much.
constexpr Setting<Bytes> warn{"warn", 10_GiB, "WAL kept by one slot from which it warns, whether it is read or not"};
constexpr Setting<Bytes> floor_size{"floor", 16_MiB, "an unread slot that keeps less is left alone"};
constexpr Setting<Seconds> away{"away", 15, "an unread slot is not judged before its reader has been away so long"};
constexpr Setting<Ratio> room{"room", 0.5, "critical when a slot keeps so large a part of what it and the disk have"};
constexpr Setting<Seconds> full_in{"full_in", 2 * 3600,
                                   "critical when the disk, or the slot's limit, is reached within this time"};
constexpr Setting<Seconds> window{"window", 15 * 60, "growth is taken over this time"};

struct Held {
  Slot slot;
  double retained = 0, rate = 0;    // bytes, bytes/s that are written
  std::optional<double> available;  // on the disk that holds the WAL
  std::optional<double> left;       // seconds until the disk is full or the slot is lost
  double away = 0;                  // seconds without a reader, at least
};

std::optional<double> disk_room(const Input& in) {
  std::optional<double> out;
  for (const Disk& d : in.now(disks))
    if (d.holds == "WAL" || (d.holds == "data directory" && !out)) out = static_cast<double>(d.available);
  return out;
}

Held held(const Input& in, const Slot& s) {
  Held h{s, static_cast<double>(s.retained.value_or(0)), 0, disk_room(in), {}, 0};
  for (const Wal& w : in.now(wal)) h.rate = in.rate(wal, w, &Wal::position, in[window]).value_or(0);
  std::optional<double> until = h.available;
  if (s.safe_wal_size) until = std::min(until.value_or(INFINITY), std::max(0.0, static_cast<double>(*s.safe_wal_size)));
  if (until && h.rate > 0) h.left = *until / h.rate;
  if (s.active) return h;
  // How long nobody has read it: told by 17 and later, or watched; who has never seen it read goes by how long it took
  // to write what it keeps.
  if (s.inactive_for) return h.away = *s.inactive_for, h;
  bool was_read = false;
  for (const auto& then : in.series(slots, in[window])) {
    const auto it = std::find_if(then.rows.begin(), then.rows.end(), [&](const Slot& o) { return o.name == s.name; });
    if (it == then.rows.end()) continue;
    if (it->active) was_read = true, h.away = 0;
    if (!it->active) h.away = std::max(h.away, seconds_between(then.at, in.at()));
  }
  if (!was_read && h.rate > 0) h.away = std::max(h.away, h.retained / h.rate);
  return h;
}

std::optional<std::pair<Severity, ActBy>> judge(const Input& in, const Held& h) {
  const bool lost = h.slot.wal_status == "lost", near = h.slot.wal_status == "unreserved";
  if (lost) return std::pair{Severity::warning, ActBy::today};
  const bool large = h.retained >= static_cast<double>(in[warn]);
  const bool unread = !h.slot.active && h.retained >= static_cast<double>(in[floor_size]) && h.away >= in[away];
  if (!large && !unread && !near) return std::nullopt;
  const bool fills = h.available && h.retained >= in[room] * (h.retained + *h.available);
  const bool soon = !h.slot.active && h.left && *h.left <= in[full_in] && h.retained >= h.rate * 60;
  if (near || fills || soon) return std::pair{Severity::critical, ActBy::now};
  if (!large && h.rate <= 0)
    return std::pair{Severity::info, ActBy::this_week};  // nothing is written: it does not grow
  return std::pair{Severity::warning, ActBy::today};
}

std::vector<Remedy> remedies(const Input& in, const Held& h) {
  std::vector<Remedy> all;
  const Slot& s = h.slot;
  const std::int64_t limit = in.now(wal).empty() ? -1 : in.now(wal).front().max_slot_wal_keep_size;
  if (limit < 0 && s.wal_status != "lost") {
    std::int64_t size = 1_GiB;
    const double half = h.available ? (h.retained + *h.available) / 2 : 10.0 * 1_GiB;
    while (static_cast<double>(size) * 2 <= half) size *= 2;
    Step step = set_server_setting("max_slot_wal_keep_size", fmt::format("{}GB", size / 1_GiB), "-1");
    step.relief = "no slot can fill the disk any more";
    step.caution = "a slot that falls further behind is lost at the next checkpoint, and its reader must be built anew";
    all.push_back({Remedy::Kind::first_aid, "put a limit to what slots may keep", {std::move(step)}});
  }
  if (s.active) {
    all.push_back({Remedy::Kind::cure, "find out why its reader is slow: it is connected and falls behind", {}});
    return all;
  }
  Step drop{.title = fmt::format("drop the slot {}, when its reader is gone for good", words::one_line(s.name, 63)),
            .database = s.database.empty() ? "postgres" : s.database,
            .run_as = "superuser",
            .sql = fmt::format("SELECT pg_catalog.pg_drop_replication_slot({});", words::literal(s.name))};
  drop.relief = fmt::format("{} of WAL are removed at the next checkpoint", words::bytes(h.retained));
  drop.duration = "at once";
  drop.lock = "none";
  drop.caution = "the standby or subscriber that read it must be built anew; if it still lives, start it instead";
  drop.minutes = 1;
  all.push_back({Remedy::Kind::cure, "bring its reader back, or drop the slot", {std::move(drop)}});
  return all;
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  for (const Slot& s : in.now(slots)) {
    if (s.temporary) continue;
    const Held h = held(in, s);
    const auto judged = judge(in, h);
    if (!judged) continue;
    Finding f;
    f.severity = judged->first;
    f.act_by = judged->second;
    f.object = {"slot", words::one_line(s.name, 63), s.database};
    const std::string kind = fmt::format("{} slot {}", s.type, words::one_line(s.name, 63));
    if (s.wal_status == "lost")
      f.sentence = fmt::format("the {} is lost: the WAL that its reader needs is gone", kind);
    else
      f.sentence = fmt::format("the {} keeps {} of WAL{}{}", kind, words::bytes(h.retained),
                               s.active ? ", though it is read" : " that nobody reads",
                               h.rate > 0 ? ", and " + words::bytes_rate(h.rate) + " come to it" : "");
    f.evidence = {{"kept", words::bytes(h.retained)},
                  {"wal_status", s.wal_status.empty() ? "none" : s.wal_status},
                  {"read", s.active     ? "yes"
                           : h.away > 0 ? "not for " + words::duration(h.away) + " at least"
                                        : "no"}};
    if (!s.plugin.empty()) f.evidence.push_back({"plugin", words::one_line(s.plugin, 63)});
    if (h.rate > 0) f.evidence.push_back({"WAL", words::bytes_rate(h.rate)});
    if (h.available) f.evidence.push_back({"room on the disk", words::bytes(*h.available)});
    if (s.safe_wal_size)
      f.evidence.push_back({"until it is lost", words::bytes(static_cast<double>(*s.safe_wal_size))});
    if (h.left)
      f.evidence.push_back({s.safe_wal_size ? "that is, at this rate" : "disk full in", words::duration(*h.left)});
    f.remedies = remedies(in, h);
    f.fix = s.active ? "" : "drop slot " + words::one_line(s.name, 63) + ", or bring its reader back";
    f.confidence = s.inactive_for || s.active || s.wal_status == "lost" ? Confidence::high : Confidence::medium;
    f.basis = s.active || s.wal_status == "lost" ? "the server's own record of its slots"
              : s.inactive_for ? "the server's own record of its slots, and since when nobody reads it"
                               : "the server's own record of its slots; whether the reader comes back cannot be seen";
    if (!s.active && h.away > 0) f.since = after(in.at(), -h.away);
    found.push_back(std::move(f));
  }
  return found;
}

std::string fine(const Input& in) {
  const auto all = in.now(slots);
  if (all.empty()) return "there is no replication slot";
  double most = 0;
  for (const Slot& s : all) most = std::max(most, static_cast<double>(s.retained.value_or(0)));
  return fmt::format("{}, the most that one keeps is {}", words::counted(static_cast<double>(all.size()), "slot"),
                     words::bytes(most));
}

struct Past {
  bool active = false;
  std::int64_t retained = 200_MiB;
  double rate = 1 << 20;             // WAL, bytes/s
  std::int64_t available = 200_GiB;  // on the disk
  const char* status = "reserved";
  double seconds = 60;       // it was watched for
  bool read_before = false;  // at the first look
  std::optional<std::int64_t> safe = {};
};

Scenario slot(const Past& p) {
  Scenario out;
  for (double ago = p.seconds; ago >= 0; ago -= p.seconds) {
    Slot s;
    s.name = "standby2";
    s.type = "physical";
    s.active = p.active || (p.read_before && ago == p.seconds);
    s.retained = p.retained;
    s.wal_status = p.status;
    s.safe_wal_size = p.safe;
    Wal w;
    w.position = static_cast<std::int64_t>((1e6 - ago) * p.rate);
    Disk d;
    d.holds = "data directory";
    d.available = p.available;
    out.saw(ago, slots, {s}).saw(ago, wal, {w}).saw(ago, disks, {d});
    if (p.seconds <= 0) break;
  }
  return out;
}

}  // namespace

extern const Check slot_retaining_wal;
const Check slot_retaining_wal{
    .id = "slot_retaining_wal",
    .title = "A replication slot keeps WAL",
    .why =
        "WAL is kept until the slot's reader has it; a reader that never comes back fills the disk, and the server "
        "stops.",
    .role = Role::cause,
    .explains = {"disk_filling", "vacuum_blocked", "replica_disconnected"},
    .reads = {slots, wal},
    .may_read = {disks},
    .settings = {warn, floor_size, away, room, full_in, window},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"nobody reads it, and it grows", [] { return slot({}); }, {Severity::warning}},
                 {"nobody reads it, and the disk is full within the hour",
                  [] { return slot({.retained = 4_GiB, .rate = 20e6, .available = 50_GiB}); },
                  {Severity::critical}},
                 {"it has taken most of the disk",
                  [] { return slot({.retained = 60_GiB, .available = 40_GiB}); },
                  {Severity::critical}},
                 {"its limit is passed",
                  [] { return slot({.active = true, .status = "unreserved"}); },
                  {Severity::critical}},
                 {"it is lost", [] { return slot({.status = "lost"}); }, {Severity::warning}},
                 {"it is read, and 20 GB behind",
                  [] { return slot({.active = true, .retained = 20_GiB}); },
                  {Severity::warning}},
                 {"nobody reads it, and nothing is written", [] { return slot({.rate = 0}); }, {Severity::info}},
                 {"it is read", [] { return slot({.active = true}); }, {}},
                 {"its reader restarts", [] { return slot({.retained = 40_MiB, .rate = 8e6, .seconds = 5}); }, {}},
                 {"its reader restarts while it is far behind",
                  [] { return slot({.retained = 900_MiB, .rate = 8e6, .seconds = 10, .read_before = true}); },
                  {}},
                 {"it was made and keeps nothing yet", [] { return slot({.retained = 1_MiB}); }, {}}},
};

}  // namespace pgvigil
