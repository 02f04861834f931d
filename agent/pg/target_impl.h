// What target.cc (the first connection) and sweep.cc (the second) share. Private to this room.
#pragma once

#include <map>
#include <variant>

#include "agent/pg/explain_memory.h"
#include "agent/pg/lane.h"
#include "agent/pg/target.h"

namespace pgvigil {

// The sheets of one probe, gathered from one or many databases, then decoded once.
class Gathering {
 public:
  void add(const AnyProbe& probe, pg::Outcome outcome, const std::string& database);
  void fail(const AnyProbe& probe, Failure failure);
  void nothing(const AnyProbe& probe);  // asked for no rows, and that is what there is
  bool has_failed(const AnyProbe& probe, const std::string& database, std::string_view sqlstate) const;
  Observation finish(int version_num, pg::QueryTexts& texts);

 private:
  struct Part {
    const AnyProbe* probe = nullptr;
    std::optional<Sheet> sheet;
    std::vector<Failure> failures;
    double seconds = 0;
    Time at{};
  };
  Part& part(const AnyProbe& probe);
  std::map<std::string, Part, std::less<>> parts_;
};

class Target::Impl {
 public:
  Impl(boost::asio::any_io_executor executor, TargetOptions options);

  boost::asio::awaitable<std::optional<ConnectError>> connect();
  boost::asio::awaitable<Observation> ask(std::vector<const AnyProbe*> probes);
  boost::asio::awaitable<Observation> sweep(std::vector<const AnyProbe*> probes);
  boost::asio::awaitable<Observation> wave(std::vector<std::pair<const AnyProbe*, std::vector<Request>>> requests);
  boost::asio::awaitable<bool> rehome(std::string database);
  boost::asio::awaitable<void> close();
  Milliseconds delay() const;

  TargetOptions options;
  Conninfo home = options.conninfo;  // of the first connection
  std::shared_ptr<pg::Counters> counters = std::make_shared<pg::Counters>();
  pg::Clock::time_point start = pg::Clock::now();
  std::optional<ConnectError> last_error;
  int version_num = 0;
  std::int64_t explains = 0;
  std::map<std::string, std::int64_t> explain_failures;  // by reason
  bool superuser = false;
  pg::Lane first, second;

 private:
  // What the first connection tells before the second is used.
  struct Around {
    std::optional<ConnectError> error;
    std::string own;                     // the first connection's database
    std::vector<std::string> databases;  // the busiest first
    std::vector<std::string> denied;     // those we may not connect to
    int free_slots = 0;
    bool room = false;  // for the second connection
    bool alone = true;  // false: a server process we gave up on still lives
  };
  // How to reach a database: a lane with the right to use it, or why not.
  struct Way {
    pg::Lane* lane = nullptr;
    std::optional<pg::Turnstile::Pass> pass = {};
    Failure failure = {};
  };
  // With the first lane's pass held. Too early after a failure it fails again, without an attempt.
  boost::asio::awaitable<std::optional<ConnectError>> open_first(bool forced = false);
  boost::asio::awaitable<Around> look_around();
  // One look is enough for one visit to a database; it is made when there is none yet, or none that still holds.
  boost::asio::awaitable<Way> way_to(std::string database, std::optional<Around>& around);
  using Questions = std::vector<std::pair<const AnyProbe*, Request>>;
  // Asks all in one flight; on the first connection one after the other, so that samples come in between.
  // `once` holds probes that any database will do for: those asked here are taken out of it.
  boost::asio::awaitable<void> put(std::string database, Questions questions, std::vector<const AnyProbe*>& once,
                                   std::optional<Around>& around, Gathering& found);
  boost::asio::awaitable<void> explain_all(const AnyProbe& probe, std::string database, std::vector<Request> requests,
                                           std::optional<Around>& around, Gathering& found,
                                           pg::Clock::time_point deadline);
  bool wanted(const std::string& database) const;
  Milliseconds in_time(Milliseconds most) const;  // that, or what is left until options.until
  void note_hanging(const std::string& database);
  // Each log-in that hangs leaves a process behind in the server, so it is tried ever more rarely. Why not now; "":
  // try.
  std::string hanging(const std::string& database) const;
  bool out_of_time() const { return options.until && pg::Clock::now() >= *options.until; }
  bool none_abandoned() const { return first.abandoned.empty() && second.abandoned.empty(); }
  boost::asio::awaitable<void> end_in_server();  // with the first lane's pass held
  // As the parameters $1, $2 of kAbandoned: process ids, and for how many seconds each has been given up.
  std::vector<std::string> abandoned_parameters(std::vector<int> more = {}) const;

  bool closed_ = false;
  struct Hanging {
    int times = 0;
    pg::Clock::time_point last{};
  };
  std::map<std::string, Hanging> hanging_;  // databases whose log-ins were not answered in time

  int failed_attempts_ = 0;
  int stalls_ = 0;  // flights in a row that the server did not answer: each may leave a process behind there
  double jitter_ = 1;
  pg::Clock::time_point tried_at_{};
  boost::asio::any_io_executor executor_;
  pg::Turnstile sweep_door_;
  pg::QueryTexts texts_;
  pg::ExplainMemory memory_;
};

// Of pg_stat_get_activity() a: is it a process we gave up on? Not known by its application_name, which code that
// planning ran may have changed; a process that has begun since is another one with the same id.
inline constexpr const char* kAbandoned =
    "exists (select from rows from (pg_catalog.unnest($1::int[]), pg_catalog.unnest($2::float8[])) as g (pid, age) "
    "where g.pid = a.pid "
    "and a.usesysid = (select r.oid from pg_catalog.pg_roles r where r.rolname = current_user) "
    "and a.backend_start < pg_catalog.clock_timestamp() - g.age * interval '1 second')";

// The question a probe asks this server over this lane; a failure when it cannot be asked there.
std::variant<pg::Ask, Failure> question(const AnyProbe& probe, const pg::Lane& lane, int version_num,
                                        const std::string& database, Milliseconds lock_timeout,
                                        const Request& request = {});

}  // namespace pgvigil
