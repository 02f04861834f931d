#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "checks/check.h"
#include "checks/probes/archive_backlog.h"
#include "checks/probes/archiver.h"
#include "checks/probes/disks.h"
#include "checks/probes/wal.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Seconds> recent{"recent", 5 * 60,
                                  "a failure older than this was not repeated: the archiver tries once a minute"};
constexpr Setting<Count> backlog{"backlog", 10,
                                 "WAL files that wait from which archiving is behind, though nothing failed"};
constexpr Setting<Seconds> stuck{"stuck", 60, "time without a file archived, from which a backlog is a standstill"};
constexpr Setting<Ratio> crit{"crit", 0.5,
                              "critical when what waits is so large a part of the room that the disk still has"};

// A command may carry a password or a key: what follows "password=" and the like, and user:password@ of a URL.
std::string without_secrets(const std::string& command) {
  static constexpr std::string_view words_of_secrets[] = {"password", "passwd", "secret", "token", "key"};
  std::string lower = command, out;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n'; };
  for (std::size_t i = 0; i < command.size();) {
    std::size_t end = i;
    while (end < command.size() && !blank(command[end])) ++end;
    const std::string_view word = std::string_view(lower).substr(i, end - i);
    const std::size_t equals = word.find('='), at = word.find('@'), scheme = word.find("://");
    const bool names_one =
        equals != std::string_view::npos &&
        std::any_of(std::begin(words_of_secrets), std::end(words_of_secrets), [&](std::string_view s) {
          const std::size_t p = word.find(s);
          return p != std::string_view::npos && p < equals;
        });
    if (names_one)
      out += command.substr(i, equals + 1) + "...";
    else if (scheme != std::string_view::npos && at != std::string_view::npos && at > scheme)
      out += command.substr(i, scheme + 3) + "..." + command.substr(i + at, end - i - at);
    else
      out += command.substr(i, end - i);
    for (i = end; i < command.size() && blank(command[i]); ++i) out += ' ';
  }
  return words::one_line(out, 160);
}

struct Seen {
  Wal wal;
  Archiver archiver;
  std::optional<ArchiveBacklog> waiting;
};

std::optional<Seen> seen(const Input& in) {
  const auto w = in.now(wal);
  const auto a = in.now(archiver);
  if (w.empty() || a.empty()) return std::nullopt;
  Seen s{w.front(), a.front(), {}};
  for (const ArchiveBacklog& b : in.now(archive_backlog)) s.waiting = b;
  return s;
}

bool is_on(const Wal& w) { return w.archive_mode == "always" || (w.archive_mode == "on" && !w.in_recovery); }

std::vector<Remedy> remedies(const Seen& s, bool configured, bool failing, bool critical) {
  std::vector<Remedy> all;
  Step look{.title = "see what the archiver does now",
            .database = "postgres",
            .run_as = "superuser",
            .sql = "SELECT * FROM pg_catalog.pg_stat_archiver;"};
  look.duration = "at once";
  look.lock = "none";
  all.push_back(
      {Remedy::Kind::first_aid,
       !configured ? "give archive_command a command, or switch archive_mode off with the next restart"
       : failing
           ? fmt::format("read the server's log for why it failed, and run it by hand for {} as the server's user",
                         words::one_line(s.archiver.last_failed, 63))
           : "look at the running archive command: it neither ends nor fails",
       {std::move(look)}});
  if (critical && configured) {
    Step skip{.title = "only when the disk is about to fill: throw the WAL away that waits",
              .database = "postgres",
              .run_as = "superuser",
              .sql = "ALTER SYSTEM SET archive_command = '/bin/true';\nSELECT pg_catalog.pg_reload_conf();"};
    skip.undo = fmt::format("ALTER SYSTEM SET archive_command = {};\nSELECT pg_catalog.pg_reload_conf();",
                            words::literal(s.wal.archive_command));
    skip.caution = "no restore to a time after the last file that was archived, until the next full backup";
    skip.straight_path = false;
    if (without_secrets(s.wal.archive_command) == words::one_line(s.wal.archive_command, 160))
      all.front().steps.push_back(std::move(skip));
  }
  all.push_back(
      {Remedy::Kind::cure,
       "mend what the command writes to (room, access, network, name of the bucket or folder): the archiver tries "
       "again by itself within a minute, and works off what waits",
       {}});
  return all;
}

std::vector<Finding> evaluate(const Input& in) {
  const auto s = seen(in);
  if (!s || !is_on(s->wal)) return {};
  const Archiver& a = s->archiver;
  const double waiting = s->waiting ? static_cast<double>(s->waiting->ready) : 0;
  const bool configured = !s->wal.archive_command.empty() || !s->wal.archive_library.empty();
  const bool failing =
      configured && a.failed_ago && *a.failed_ago <= in[recent] && *a.failed_ago < a.archived_ago.value_or(INFINITY);
  const double quiet_for = std::min(a.archived_ago.value_or(INFINITY), s->waiting ? s->waiting->oldest.value_or(0) : 0);
  const bool behind = waiting >= in[backlog] && quiet_for >= in[stuck];
  if (!failing && !behind && (configured || waiting < 1)) return {};

  const double bytes = waiting * static_cast<double>(s->wal.segment_size);
  std::optional<double> room;
  for (const Disk& d : in.now(disks))
    if (d.holds == "WAL" || (d.holds == "data directory" && !room)) room = static_cast<double>(d.available);
  const bool critical = room && bytes >= in[crit] * *room;

  Finding f;
  f.severity = critical ? Severity::critical : Severity::warning;
  f.act_by = critical ? ActBy::now : ActBy::today;
  f.object = {"server", in.context().target};
  const std::string queue = s->waiting ? fmt::format("; {} wait", words::counted(waiting, "WAL file")) : std::string();
  f.sentence = !configured ? fmt::format("archive_mode is on, but there is no archive_command{}", queue)
               : failing   ? fmt::format("archiving of WAL fails: {} could not be archived {} ago{}",
                                         words::one_line(a.last_failed, 63), words::duration(*a.failed_ago), queue)
                           : fmt::format("archiving of WAL stands still: nothing was archived for {}{}",
                                         words::duration(quiet_for), queue);
  if (!s->wal.archive_command.empty())
    f.evidence.push_back({"archive_command", without_secrets(s->wal.archive_command)});
  if (!s->wal.archive_library.empty())
    f.evidence.push_back({"archive_library", words::one_line(s->wal.archive_library)});
  f.evidence.push_back({"failed attempts", words::count(static_cast<double>(a.failed))});
  f.evidence.push_back({"last success", a.archived_ago ? fmt::format("{}, {} ago", words::one_line(a.last_archived, 63),
                                                                     words::duration(*a.archived_ago))
                                                       : "none since the counters were reset"});
  if (s->waiting)
    f.evidence.push_back({"waiting", fmt::format("{}, {}", words::counted(waiting, "file"), words::bytes(bytes))});
  if (room) f.evidence.push_back({"room on the disk", words::bytes(*room)});
  f.remedies = remedies(*s, configured, failing, critical);
  f.fix = "mend the archive command";
  f.confidence = failing || !configured ? Confidence::high : Confidence::medium;
  f.basis = failing ? "the server's own record of its archiver" : "the files that wait, and the archiver's record";
  if (failing) f.since = after(in.at(), -*a.failed_ago);
  return {std::move(f)};
}

std::string fine(const Input& in) {
  const auto s = seen(in);
  if (!s) return {};
  if (!is_on(s->wal)) return "no WAL is archived";
  std::string last = s->archiver.archived_ago
                         ? fmt::format("the last file was archived {} ago", words::duration(*s->archiver.archived_ago))
                         : "no file was archived yet";
  if (!s->waiting) return last;
  return last + ", " + words::counted(static_cast<double>(s->waiting->ready), "file") + " waiting";
}

struct Past {
  std::optional<double> failed_ago = {}, archived_ago = {};
  std::int64_t ready = 0;
  double oldest = 0;
  const char* command = "aws s3 cp %p s3://wal/%f";
  std::int64_t room = 100_GiB;
  const char* mode = "on";
};

Scenario archiving(const Past& p) {
  Wal w;
  w.archive_mode = p.mode;
  w.archive_command = p.command;
  Archiver a;
  a.failed_ago = p.failed_ago;
  a.archived_ago = p.archived_ago;
  a.failed = p.failed_ago ? 12 : 0;
  a.last_failed = p.failed_ago ? "00000001000000000000002A" : "";
  a.last_archived = p.archived_ago ? "000000010000000000000029" : "";
  Disk d;
  d.holds = "data directory";
  d.available = p.room;
  Scenario out;
  return out.saw(1, wal, {w}).saw(1, archiver, {a}).saw(1, archive_backlog, {{p.ready, p.oldest}}).saw(1, disks, {d});
}

}  // namespace

extern const Check wal_archiving_failing;
const Check wal_archiving_failing{
    .id = "wal_archiving_failing",
    .title = "WAL is not archived",
    .why =
        "No restore to a point after the last archived file; and WAL is kept until it is archived, so the disk fills.",
    .role = Role::cause,
    .explains = {"disk_filling"},
    .reads = {wal, archiver},
    .may_read = {archive_backlog, disks},
    .settings = {recent, backlog, stuck, crit},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"it fails, the last success was an hour ago",
                  [] { return archiving({.failed_ago = 20, .archived_ago = 3600, .ready = 8, .oldest = 3600}); },
                  {Severity::warning}},
                 {"it never succeeded",
                  [] { return archiving({.failed_ago = 20, .ready = 2, .oldest = 30}); },
                  {Severity::warning}},
                 {"what waits is larger than the room that is left",
                  [] {
                    return archiving(
                        {.failed_ago = 20, .archived_ago = 9e4, .ready = 640, .oldest = 9e4, .room = 8_GiB});
                  },
                  {Severity::critical}},
                 {"no command at all",
                  [] { return archiving({.ready = 3, .oldest = 100, .command = ""}); },
                  {Severity::warning}},
                 {"the command hangs",
                  [] { return archiving({.archived_ago = 900, .ready = 40, .oldest = 900}); },
                  {Severity::warning}},
                 {"it failed once, an hour ago, and went on",
                  [] { return archiving({.failed_ago = 3600, .archived_ago = 30}); },
                  {}},
                 {"failed long ago, nothing to archive since",
                  [] { return archiving({.failed_ago = 4000, .archived_ago = 9000}); },
                  {}},
                 {"a burst that is being worked off",
                  [] { return archiving({.archived_ago = 1, .ready = 40, .oldest = 90}); },
                  {}},
                 {"off", [] { return archiving({.failed_ago = 20, .mode = "off"}); }, {}}},
};

}  // namespace pgvigil
