#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "checks/check.h"
#include "checks/load.h"
#include "checks/plans/sql.h"
#include "checks/probes/checkpoints.h"
#include "checks/probes/disks.h"
#include "checks/probes/wal.h"
#include "checks/server_setting.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

// Each checkpoint makes every page be written to WAL whole once more, so too many of them multiply the WAL that forces
// them. A bulk load may do that for an hour and harm nobody; a max_wal_size that steady work fills again and again
// does.
constexpr Setting<Seconds> window{"window", 15 * 60, "checkpoints are counted over this time"};
constexpr Setting<Ratio> early{"early", 0.5, "share of checkpoint_timeout below which max_wal_size fills too fast"};
constexpr Setting<Count> least{"least", 3, "forced checkpoints that must have been counted"};
constexpr Setting<Seconds> lasting{"lasting", 10 * 60, "how long it must go on, where max_wal_size is `ample`"};
constexpr Setting<Bytes> ample{"ample", 1_GiB, "a max_wal_size from which a short burst may fill it"};
constexpr Setting<Seconds> bulk{"bulk", 5, "age from which a writing statement is a bulk load"};
constexpr Setting<PerSecond> asked{"asked", 0.1, "checkpoints that commands ask for, from which they are too many"};
constexpr Setting<BytesPerSecond> written{"written", 1_MiB, "... while so much WAL is written"};

constexpr double recent = 60;  // seconds over which the WAL rate is taken
constexpr std::int64_t most_wal_size = 64_GiB;

struct Seen {
  Wal now;
  double rate = 0;               // WAL, bytes/s
  double fills_in = 0;           // seconds until a checkpoint is forced, at this rate
  double requested = 0;          // checkpoints a second, over the time of the WAL rate
  double forced = 0, timed = 0;  // counted
  double seconds = 0;            // over this time
  bool since_reset = false;
};

std::optional<Seen> seen(const Input& in) {
  const auto settings = in.now(wal);
  if (settings.empty() || settings.front().in_recovery) return std::nullopt;
  Seen s;
  s.now = settings.front();
  const auto rate = in.rate(wal, s.now, &Wal::position, recent);
  if (!rate || s.now.max_wal_size <= 0) return std::nullopt;
  s.rate = *rate;
  s.fills_in = s.rate > 0 ? forced_distance(s.now) / s.rate : INFINITY;

  const auto counts = in.series(checkpoints, in[window]);
  if (counts.empty()) return std::nullopt;
  s.requested = in.rate(checkpoints, counts.back().rows.front(), &Checkpoints::requested, recent).value_or(0);
  const Checkpoints &last = counts.back().rows.front(), &first = counts.front().rows.front();
  const double watched = seconds_between(counts.front().at, counts.back().at);
  // What was watched counts; a look of a few seconds takes the server's own count.
  if (!in.context().one_shot && last.requested >= first.requested && last.timed >= first.timed) {
    s.forced = static_cast<double>(last.requested - first.requested);
    s.timed = static_cast<double>(last.timed - first.timed);
    s.seconds = watched;
  } else {
    s.forced = static_cast<double>(last.requested);
    s.timed = static_cast<double>(last.timed);
    s.seconds = last.counted_for.value_or(0);
    s.since_reset = true;
  }
  return s;
}

bool writes(const Session& s) {
  const auto kind = sql::kind(s.query);
  return kind != sql::Kind::select && kind != sql::Kind::unparsable;
}

// Is most of the writing done by a few statements that run for long?
bool is_bulk(const Input& in) {
  double all = 0, slow = 0;
  for (const auto& sample : in.series(activity, recent))
    for (const Session& s : sample.rows)
      if (is_active(s) && !s.leader_pid && writes(s)) {
        all += 1;
        slow += s.query_age.value_or(0) >= in[bulk] ? 1 : 0;
      }
  return all > 0 && slow >= all / 2;
}

// Enough for the clock to come first, and no more than a quarter of what the disk still has.
std::int64_t wanted_size(const Input& in, const Seen& s) {
  const double need = 1.3 * s.rate * s.now.checkpoint_timeout * (1 + s.now.completion_target);
  std::int64_t size = 1_GiB;
  while (static_cast<double>(size) < need && size < most_wal_size) size *= 2;
  std::optional<double> room;
  for (const Disk& d : in.now(disks))
    if (d.holds == "WAL" || (d.holds == "data directory" && !room)) room = static_cast<double>(d.available);
  while (room && size > s.now.max_wal_size * 2 && static_cast<double>(size) > *room / 4) size /= 2;
  return std::max(size, s.now.max_wal_size);
}

std::string setting(std::int64_t bytes) {
  return bytes % 1_GiB == 0 ? fmt::format("{}GB", bytes / 1_GiB) : fmt::format("{}MB", bytes / 1_MiB);
}

bool is_checkpoint(const Session& s) {
  constexpr std::string_view command = "checkpoint";
  return std::equal(command.begin(), command.end(), s.query.begin(),
                    s.query.begin() + static_cast<std::ptrdiff_t>(std::min(command.size(), s.query.size())),
                    [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
}

// Far less WAL lies between two of them than would force one: somebody asks for them.
std::optional<Finding> by_command(const Input& in, const Seen& s) {
  if (s.requested < in[asked] || s.forced < in[least] || s.rate < in[written]) return std::nullopt;
  const double between = s.rate / s.requested;
  if (between > forced_distance(s.now) / 4) return std::nullopt;
  const Session* who = nullptr;
  for (const auto& sample : in.series(activity, recent))
    for (const Session& one : sample.rows)
      if (is_checkpoint(one)) who = &one;
  Finding f;
  f.severity = Severity::warning;
  f.act_by = ActBy::today;
  f.object = {"server", in.context().target};
  f.sentence = fmt::format(
      "commands ask for a checkpoint every {}, and after each of them every page goes to WAL whole "
      "once more: {}",
      words::duration(1 / s.requested), words::bytes_rate(s.rate));
  if (who != nullptr)
    f.sentence += fmt::format("; {} of role {} does",
                              who->application.empty() ? "a session" : words::one_line(who->application, 63),
                              words::one_line(who->user, 63));
  f.evidence = {{"WAL between two of them", fmt::format("{}, far from the {} that would force one",
                                                        words::bytes(between), words::bytes(forced_distance(s.now)))},
                {"forced checkpoints",
                 fmt::format("{}, and {} by the clock, in {}{}", words::count(s.forced), words::count(s.timed),
                             words::duration(s.seconds), s.since_reset ? " since the counters were reset" : "")}};
  if (who != nullptr)
    f.evidence.push_back({"asked by", fmt::format("pid {}: {}", who->pid, words::one_line(who->query, 100))});
  Step look{.title = "see who asks: CHECKPOINT, or a tool that takes backups or makes databases",
            .database = "postgres",
            .run_as = "superuser",
            .sql =
                "SELECT pid, usename, application_name, client_addr, state, query FROM pg_catalog.pg_stat_activity\n "
                "WHERE query ILIKE 'checkpoint%' OR query ILIKE '%pg_backup_start%' OR query ILIKE '%pg_start_backup%' "
                "OR query ILIKE 'create database%' OR backend_type = 'walsender';"};
  look.duration = "at once";
  look.lock = "none";
  f.remedies = {{Remedy::Kind::first_aid, "stop whoever asks for them", {std::move(look)}}};
  f.fix = "no CHECKPOINT by command: the clock and max_wal_size see to it";
  f.confidence = who != nullptr ? Confidence::high : Confidence::medium;
  f.basis = "the server's counters and the WAL rate of the same time";
  return f;
}

std::vector<Finding> evaluate(const Input& in) {
  const auto s = seen(in);
  if (s)
    if (auto f = by_command(in, *s)) return {std::move(*f)};
  if (!s || s->fills_in > in[early] * s->now.checkpoint_timeout || s->forced < in[least] || s->forced <= s->timed)
    return {};
  const bool lasts = s->seconds >= in[lasting];
  const bool harmful = (s->now.max_wal_size < in[ample] || lasts) && !is_bulk(in);

  const std::int64_t size = wanted_size(in, *s);
  Finding f;
  f.severity = harmful ? Severity::warning : Severity::info;
  f.act_by = harmful ? ActBy::today : ActBy::this_week;
  f.object = {"server", in.context().target};
  f.sentence = fmt::format(
      "a checkpoint is forced about every {}: {} of WAL fill max_wal_size = {} long before "
      "checkpoint_timeout = {}",
      words::duration(s->fills_in), words::bytes_rate(s->rate), setting(s->now.max_wal_size),
      words::duration(s->now.checkpoint_timeout));
  f.evidence = {{"WAL", words::bytes_rate(s->rate)},
                {"forced checkpoints",
                 fmt::format("{}, and {} by the clock, in {}{}", words::count(s->forced), words::count(s->timed),
                             words::duration(s->seconds), s->since_reset ? " since the counters were reset" : "")},
                {"WAL between two of them", words::bytes(forced_distance(s->now))}};
  if (is_bulk(in)) f.evidence.push_back({"written by", "statements that run for long: a bulk load"});
  if (size > s->now.max_wal_size) {
    Step step = set_server_setting("max_wal_size", setting(size), setting(s->now.max_wal_size));
    step.relief =
        fmt::format("a checkpoint every {}, and less WAL",
                    words::duration(std::min(s->now.checkpoint_timeout,
                                             static_cast<double>(size) / (1 + s->now.completion_target) / s->rate)));
    step.caution = fmt::format("pg_wal grows to about {}, and a crash takes longer to recover from",
                               words::bytes(static_cast<double>(size)));
    step.minutes = 1;
    f.remedies.push_back({Remedy::Kind::cure, "let the clock start the checkpoints", {std::move(step)}});
    f.fix = "max_wal_size = " + setting(size);
  }
  f.confidence = s->since_reset ? Confidence::medium : Confidence::high;
  f.basis = s->since_reset ? "the server's counters since their reset, and the WAL rate of the last seconds"
                           : "the server's counters and the WAL rate, both watched";
  return {std::move(f)};
}

std::string fine(const Input& in) {
  const auto s = seen(in);
  if (!s) return {};
  if (s->rate < 1) return fmt::format("no WAL is written; {} forced checkpoints", words::count(s->forced));
  return fmt::format("{} of WAL fill max_wal_size in {}; checkpoints: {} forced, {} by the clock",
                     words::bytes_rate(s->rate), words::duration(s->fills_in), words::count(s->forced),
                     words::count(s->timed));
}

// `mb_per_second` of WAL for `seconds`, a checkpoint forced every `every` of them; statements are `age` old.
Scenario writing(double mb_per_second, std::int64_t max_wal_size, double seconds, double every, double age = 0.01,
                 bool one_shot = false, double timed_every = 300) {
  Scenario out;
  out.context.one_shot = one_shot;
  const double total = seconds;
  if (one_shot) seconds = 2;
  for (double ago = seconds; ago >= 0; ago -= one_shot ? 2 : 10) {
    Wal w;
    w.position = static_cast<std::int64_t>((1e6 - ago) * mb_per_second * 1048576);
    w.max_wal_size = max_wal_size;
    Checkpoints c;
    c.requested = static_cast<std::int64_t>((total - ago) / every);
    c.timed = static_cast<std::int64_t>((total - ago) / timed_every);
    c.counted_for = total;
    Session s;
    s.pid = 7;
    s.backend_type = "client backend";
    s.state = "active";
    s.query = "INSERT INTO events SELECT * FROM incoming";
    s.query_age = age;
    out.saw(ago, wal, {w}).saw(ago, checkpoints, {c}).saw(ago, activity, {s});
  }
  return out;
}

}  // namespace

extern const Check checkpoints_forced;
const Check checkpoints_forced{
    .id = "checkpoints_forced",
    .title = "Checkpoints are forced by too much WAL, or by command",
    .why =
        "After each checkpoint every page goes to WAL whole once more: the disk writes a multiple, and commits wait "
        "for it.",
    .role = Role::cause,
    .explains = {"query_regressed", "wal_write_stalls"},
    .reads = {wal, checkpoints},
    .may_read = {activity, disks},
    .settings = {window, early, least, lasting, ample, bulk, asked, written},
    .evaluate = evaluate,
    .fine = fine,
    .examples =
        {{"a small max_wal_size under a steady load, watched for two minutes",
          [] { return writing(8, 64_MiB, 120, 5); },
          {Severity::warning}},
         {"the same at one look", [] { return writing(8, 64_MiB, 60, 5, 0.01, true); }, {Severity::warning}},
         {"the default, and a busy quarter of an hour",
          [] { return writing(40, 1_GiB, 840, 13); },
          {Severity::warning}},
         {"the default, and a busy minute", [] { return writing(40, 1_GiB, 60, 13); }, {Severity::info}},
         {"a bulk load for a quarter of an hour", [] { return writing(40, 1_GiB, 840, 13, 300); }, {Severity::info}},
         {"somebody gives the command CHECKPOINT again and again", [] { return writing(0.1, 1_GiB, 840, 60); }, {}},
         {"... several times a second, under a steady load",
          [] { return writing(5, 4_GiB, 40, 0.4); },
          {Severity::warning}},
         {"the same at one look", [] { return writing(5, 4_GiB, 40, 0.4, 0.01, true); }, {Severity::warning}},
         {"... while hardly anything is written", [] { return writing(0.01, 4_GiB, 40, 0.4); }, {}},
         {"by the clock", [] { return writing(1, 1_GiB, 840, 1e9); }, {}},
         {"two forced ones at the start of the day", [] { return writing(8, 64_MiB, 12, 5); }, {}}},
};

}  // namespace pgvigil
