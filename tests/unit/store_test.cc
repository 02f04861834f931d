#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include "agent/core/recording.h"
#include "agent/store/compress.h"
#include "agent/store/directory.h"
#include "agent/store/history_keeper.h"
#include "checks/probes/activity.h"
#include "checks/probes/server.h"

namespace pgvigil {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Time start = Time{} + std::chrono::hours(24 * 20'000);

Session session(const std::string& id, const std::string& query, std::int64_t pid = 1) {
  Session s;
  s.pid = pid;
  s.database = "shop", s.user = "app", s.application = "web", s.backend_type = "client backend", s.state = "active";
  s.query_id = id, s.query = query;
  s.query_start = 1;
  return s;
}

Observation sample(double at, std::vector<Session> sessions) {
  Observation o{after(start, at), {}};
  o.answers[std::string(activity.id())] = Answer{o.at, activity.rows(std::move(sessions)), {}, 0.01};
  return o;
}

// Text that does not compress, so that a size is what it seems.
std::string noise(std::size_t bytes, unsigned seed) {
  std::string out;
  for (unsigned x = seed * 2654435761U + 1; out.size() < bytes; x = x * 1664525U + 1013904223U)
    out += static_cast<char>('!' + (x >> 24) % 90);
  return out;
}

class Store : public ::testing::Test {
 protected:
  Store() {
    char name[] = "/tmp/pgvigil-store-XXXXXX";
    directory = ::mkdtemp(name);
    context.target = "main";
  }
  ~Store() override {
    ::chmod(directory.c_str(), 0700);
    fs::remove_all(directory);
  }
  Kept kept(std::vector<Observation> all) const { return {context, std::move(all), {}, {}}; }
  std::string file() const { return directory + "/history.db"; }
  std::size_t samples() const {
    HistoryReader reader(directory);
    std::size_t n = 0;
    for (const auto& t : reader.targets()) n += reader.observations(t.id, Time::min(), Time::max()).size();
    return n;
  }

  // A keeper whose beat is quick, and what it said.
  struct Told {
    std::mutex mutex;
    std::vector<std::pair<bool, std::string>> all;
  };
  std::unique_ptr<HistoryKeeper> keeper(HistoryLimits limits = {}) {
    return std::make_unique<HistoryKeeper>(KeeperOptions{.directory = directory,
                                                         .limits = limits,
                                                         .beat = Milliseconds(20),
                                                         .now = [] { return after(start, 10); },
                                                         .say =
                                                             [this](bool degraded, const std::string& what) {
                                                               const std::lock_guard lock(told.mutex);
                                                               told.all.emplace_back(degraded, what);
                                                             }});
  }
  template <class F>
  static bool comes(F true_) {
    for (int i = 0; i < 6'000; ++i) {  // a sanitizer on a busy machine is slow
      if (true_()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  std::vector<std::pair<bool, std::string>> said() {
    const std::lock_guard lock(told.mutex);
    return told.all;
  }

  std::string directory;
  Context context;
  Told told;
};

// A page that asks for the past more often than the keeper writes.
TEST_F(Store, WhoAsksAllTheTimeKeepsNobodyFromWriting) {
  const auto k = keeper();
  k->observed(context, sample(0, {session("42", "SELECT $1")}));
  std::function<void(HistoryReader*, std::int64_t)> again;
  std::atomic<bool> enough = false;
  again = [&](HistoryReader*, std::int64_t) {
    if (!enough) k->ask("main", again);
  };
  k->ask("main", again);
  EXPECT_TRUE(comes([&] {
    try {
      return samples() == 1;
    } catch (const std::exception&) {
      return false;  // not there yet
    }
  }));
  enough = true;
  EXPECT_TRUE(k->stop(Milliseconds(2000)));
}

// A target of which nothing came since the last write: its minute ends all the same, and what is known of it stays.
TEST_F(Store, AMinuteThatEndsAloneIsItsTargets) {
  std::atomic<int> now = 10;
  HistoryKeeper k({.directory = directory, .beat = Milliseconds(20), .now = [&] { return after(start, now); }});
  context.vcpus = 4;
  k.observed(context, sample(0, {session("42", "SELECT $1")}));
  const auto kept = [&](auto enough) {
    return comes([&] {
      try {
        HistoryReader r(directory);
        return enough(r);
      } catch (const std::exception&) {
        return false;  // not there yet
      }
    });
  };
  ASSERT_TRUE(kept([](HistoryReader& r) { return !r.raw(1).empty(); }));
  now = 200;
  ASSERT_TRUE(kept([](HistoryReader& r) { return !r.minutes(1).empty() || r.targets().size() > 1; }));
  EXPECT_TRUE(k.stop(Milliseconds(2000)));
  const auto targets = HistoryReader(directory).targets();
  ASSERT_EQ(targets.size(), 1u);
  EXPECT_EQ(targets[0].name, "main");
  EXPECT_EQ(targets[0].context.vcpus, 4);
}

// A disk that does not answer, for hours: no error comes, and nobody empties the inbox.
TEST_F(Store, AWriteThatHangsCostsTheOldestAndABoundedAmountOfMemory) {
  const auto k = keeper();
  std::promise<void> hangs, goes_on;
  k->ask("main", [&](HistoryReader*, std::int64_t) {
    hangs.set_value();
    goes_on.get_future().wait();
  });
  hangs.get_future().wait();
  const auto rows = activity.rows(std::vector<Session>(10'000, session("42", "SELECT $1")));
  const auto busy = [&](double at) {
    Observation o{after(start, at), {}};
    o.answers[std::string(activity.id())] = Answer{o.at, rows, {}, 0.01};
    return o;
  };
  k->observed(context, busy(0));
  EXPECT_FALSE(k->degraded());
  for (int i = 1; i < 30; ++i) k->observed(context, busy(i));
  EXPECT_TRUE(k->degraded());
  Moment moment;
  moment.at = start;
  for (int i = 0; i < 1'000; ++i) k->happened("another", moment);
  ASSERT_EQ(said().size(), 1u) << "said once, while it hangs";
  EXPECT_TRUE(said()[0].first);
  EXPECT_THAT(said()[0].second, AllOf(HasSubstr(directory), HasSubstr("a write does not end")));
  goes_on.set_value();
  EXPECT_TRUE(comes([&] { return !k->degraded(); }));
  EXPECT_TRUE(k->stop(Milliseconds(60'000)));
  HistoryReader r(directory);
  for (const auto& t : r.targets()) {
    if (t.name == "another") {
      EXPECT_EQ(r.moments(t.id, Time::min(), Time::max()).size(), 600u);
      continue;
    }
    const auto all = r.observations(t.id, Time::min(), Time::max());
    ASSERT_FALSE(all.empty());
    EXPECT_LE(all.size(), 20u);
    EXPECT_EQ(all.back().at, after(start, 29)) << "the newest stays";
  }
  ASSERT_EQ(said().size(), 2u);
  EXPECT_FALSE(said()[1].first);
  EXPECT_THAT(said()[1].second, HasSubstr("records lost: 420")) << "400 moments, and twice the older half";
}

// What an agent shows is the last quarter of an hour: older than that is not kept for a disk that hangs.
TEST_F(Store, AWriteThatHangsKeepsAQuarterOfAnHour) {
  const auto k = keeper();
  std::promise<void> hangs, goes_on;
  k->ask("main", [&](HistoryReader*, std::int64_t) {
    hangs.set_value();
    goes_on.get_future().wait();
  });
  hangs.get_future().wait();
  for (int i = 0; i < 2'000; ++i) k->observed(context, sample(i, {}));
  EXPECT_TRUE(k->degraded());
  goes_on.set_value();
  EXPECT_TRUE(k->stop(Milliseconds(5000)));
  EXPECT_LE(samples(), 1'000u);
}

TEST_F(Store, WhatIsWrittenIsReadAgain) {
  context.vcpus = 4;
  context.local = false;
  context.intervals.cycle = 20;
  Minute m;
  m.at = start;
  m.active = 3.5, m.samples = 60;
  m.queries = {{"42", "SELECT $1", "shop", "app", 3}};
  m.tables = {{"public.docs", 3}};
  m.verdict = Severity::critical;
  m.headline = "public.docs has no index";
  m.cpu = 0.9;
  const Moment moment{
      after(start, 5),    "firing", "k", "seq_scan_hot_query", Severity::critical, {"table", "public.docs", "shop"},
      "it is read whole", start};
  {
    HistoryFile f(directory, {});
    f.write({{context, {sample(0, {session("42", "SELECT $1")}), sample(1, {})}, {m}, {moment}}}, start);
    f.write({kept({sample(10, {})})}, after(start, 10));
  }
  HistoryReader r(directory);
  const auto targets = r.targets();
  ASSERT_EQ(targets.size(), 1u);
  EXPECT_EQ(targets[0].context.vcpus, 4);
  EXPECT_FALSE(targets[0].context.local);
  EXPECT_EQ(targets[0].context.intervals.cycle, 20);
  const std::int64_t id = targets[0].id;
  EXPECT_EQ(r.raw(id).last, after(start, 10));
  EXPECT_EQ(r.last_before(id, after(start, 0.5)), after(start, 0.5));
  EXPECT_EQ(r.last_before(id, after(start, 5)), after(start, 1));
  EXPECT_EQ(r.last_before(id, after(start, -1)), Time{});
  const auto all = r.observations(id, start, after(start, 9));
  ASSERT_EQ(all.size(), 2u);
  const Answer& a = all[0].answers.at("activity");
  EXPECT_EQ(a.seconds, 0.01);
  EXPECT_EQ(static_cast<const RowsOf<Session>&>(*a.rows).rows.at(0).query, "SELECT $1");
  const auto minutes = r.minutes(id, start, start);
  ASSERT_EQ(minutes.size(), 1u);
  EXPECT_EQ(minutes[0].queries.at(0).query, "SELECT $1");
  EXPECT_EQ(minutes[0].tables.at(0).name, "public.docs");
  EXPECT_EQ(minutes[0].verdict, Severity::critical);
  EXPECT_EQ(minutes[0].cpu, 0.9);
  EXPECT_FALSE(minutes[0].connections);
  const auto moments = r.moments(id, start, after(start, 60));
  ASSERT_EQ(moments.size(), 1u);
  EXPECT_EQ(moments[0].object.name, "public.docs");
  EXPECT_EQ(moments[0].started, start);
  struct stat about {};
  ASSERT_EQ(::stat(file().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
}

TEST_F(Store, WhoWantsTheSamplesReadsNothingElse) {
  Observation cycle{after(start, 1), {}};
  cycle.answers[std::string(server.id())] = Answer{cycle.at, server.rows({Server{}}), {}, 0.01};
  Observation both = sample(2, {session("42", "SELECT $1")});
  both.answers[std::string(server.id())] = Answer{both.at, server.rows({Server{}}), {}, 0.01};
  HistoryFile(directory, {}).write({kept({sample(0, {}), cycle, both})}, start);
  HistoryReader r(directory);
  EXPECT_EQ(r.observations(1, start, after(start, 9)).size(), 3u);
  const auto all = r.observations(1, start, after(start, 9), {std::string(activity.id())});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1].answers.size(), 1u);
  EXPECT_EQ(all[1].answers.at("activity").rows->size(), 1u);
}

TEST_F(Store, ItStaysWithinItsSizeAndTheOldestGoesFirst) {
  HistoryLimits limits;
  limits.max_bytes = 4 << 20;
  HistoryFile f(directory, limits);
  for (unsigned i = 0; i < 200; ++i) {
    Minute m;
    m.at = start + std::chrono::minutes(i);
    f.write({{context, {sample(i * 60, {session("1", noise(60'000, i))})}, {m}, {}}}, after(start, i * 60));
    ASSERT_LE(f.size(), limits.max_bytes) << i;
  }
  HistoryReader r(directory);
  const std::int64_t id = r.targets().at(0).id;
  EXPECT_GT(r.raw(id).first, start);
  EXPECT_EQ(r.raw(id).last, after(start, 199 * 60));
  EXPECT_GT(samples(), 15u) << "most of its room is used";
  EXPECT_EQ(r.minutes(id).first, start) << "the minutes stay";
}

TEST_F(Store, RawGoesByAgeAndMinutesMuchLater) {
  HistoryLimits limits;
  limits.keep = 3600;
  HistoryFile f(directory, limits);
  Minute m;
  m.at = start;
  f.write({{context, {sample(0, {})}, {m}, {}}}, start);
  f.write({kept({sample(7200, {})})}, after(start, 7200));
  EXPECT_EQ(samples(), 1u);
  HistoryReader r(directory);
  EXPECT_EQ(r.minutes(r.targets().at(0).id).first, start);
  f.write({kept({sample(13 * 3600, {})})}, after(start, 13 * 3600));
  EXPECT_TRUE(r.minutes(r.targets().at(0).id).empty());
}

TEST_F(Store, AReaderReadsBesideTheWriterAndWhereNothingCanBeWritten) {
  {
    HistoryFile f(directory, {});
    f.write({kept({sample(0, {})})}, start);
    HistoryReader beside(directory);
    EXPECT_EQ(beside.raw(1).last, start);
    f.write({kept({sample(5, {})})}, after(start, 5));
    EXPECT_EQ(beside.raw(1).last, after(start, 5));
  }
  ::chmod(directory.c_str(), 0500);
  EXPECT_EQ(samples(), 2u);
}

// What the machine leaves behind when it loses power: any prefix of the journal beside the file.
TEST_F(Store, ATornJournalCostsTheNewestOnly) {
  const std::string copy = directory + "/copy";
  fs::create_directory(copy);
  {
    HistoryFile f(directory, {});
    for (int i = 0; i < 5; ++i) f.write({kept({sample(i, {session("1", noise(3000, 1))})})}, after(start, i));
    fs::copy(file(), copy + "/base.db");
    fs::copy(file() + "-wal", copy + "/base.wal");
  }
  const auto whole = fs::file_size(copy + "/base.wal");
  std::size_t last = 0;
  for (std::uintmax_t bytes = 0; bytes <= whole; bytes += 1777) {
    const std::string torn = copy + "/torn";
    fs::remove_all(torn);
    fs::create_directory(torn);
    fs::copy(copy + "/base.db", torn + "/history.db");
    fs::copy(copy + "/base.wal", torn + "/history.db-wal");
    fs::resize_file(torn + "/history.db-wal", bytes);
    std::size_t n = 0;
    {
      HistoryFile f(torn, {});
      f.write({kept({sample(100, {})})}, after(start, 100));
      HistoryReader r(torn);
      n = r.observations(r.targets().at(0).id, Time::min(), Time::max()).size();
    }
    EXPECT_GE(n, std::max<std::size_t>(last, 1)) << bytes;
    last = n;
  }
  EXPECT_GE(last, 5u);
}

TEST_F(Store, AFlippedBitCostsOneRecord) {
  {
    HistoryFile f(directory, {});
    for (int i = 0; i < 8; ++i)
      f.write({kept({sample(i, {session("1", noise(20'000, static_cast<unsigned>(i)))})})}, after(start, i));
  }
  const auto size = static_cast<std::streamoff>(fs::file_size(file()));
  std::fstream bytes(file(), std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekg(size / 2);
  const char old = static_cast<char>(bytes.get());
  bytes.seekp(size / 2);
  bytes.put(static_cast<char>(old ^ 4));
  bytes.close();
  HistoryReader r(directory);
  EXPECT_EQ(r.observations(1, Time::min(), Time::max()).size(), 7u);
  EXPECT_EQ(r.damaged(), 1u);
}

TEST_F(Store, ADamagedFileIsMovedAsideAndTold) {
  for (const std::string& content : {noise(9000, 7), std::string("SQLite format 3\0", 16) + noise(9000, 8)}) {
    std::ofstream(file(), std::ios::trunc | std::ios::binary) << content;
    told.all.clear();
    auto k = keeper();
    k->observed(context, sample(1, {}));
    ASSERT_TRUE(comes([&] { return fs::exists(file() + ".damaged") && !said().empty(); }));
    EXPECT_TRUE(k->stop(Milliseconds(5000)));
    EXPECT_EQ(samples(), 1u);
    EXPECT_THAT(said().at(0).second, HasSubstr("history.db was damaged"));
    EXPECT_FALSE(k->degraded());
    std::ifstream aside(file() + ".damaged", std::ios::binary);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(aside), {}), content);
  }
}

TEST_F(Store, AFileOfANewerFormIsLeftAlone) {
  {
    HistoryFile f(directory, {});
    Sqlite db(file(), Sqlite::Open::create);
    db.run("PRAGMA user_version = 99");
  }
  auto k = keeper();
  k->observed(context, sample(1, {}));
  ASSERT_TRUE(comes([&] { return k->degraded(); }));
  k->stop(Milliseconds(5000));
  EXPECT_THAT(said().at(0).second, HasSubstr("form 99"));
  EXPECT_EQ(Sqlite(file(), Sqlite::Open::read).number("PRAGMA user_version"), 99);
  EXPECT_THROW(HistoryReader{directory}, SqliteError);
}

// Root may write anywhere: a file in the directory's place refuses it too.
TEST_F(Store, WhatCannotBeWrittenStaysInMemoryUntilItCan) {
  const std::string good = directory;
  directory += "/state";
  std::ofstream(directory) << "in the way";
  auto k = keeper();
  k->observed(context, sample(1, {}));
  ASSERT_TRUE(comes([&] { return k->degraded(); }));
  for (int i = 2; i < 6; ++i) k->observed(context, sample(i, {}));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(said().size(), 1u) << "said once";
  EXPECT_TRUE(said()[0].first);
  EXPECT_THAT(said()[0].second, AllOf(HasSubstr(directory), HasSubstr("cannot be written")));
  fs::remove(directory);
  ASSERT_TRUE(comes([&] { return !k->degraded(); }));
  EXPECT_TRUE(k->stop(Milliseconds(5000)));
  EXPECT_EQ(said().size(), 2u);
  EXPECT_EQ(samples(), 5u) << "nothing was lost";
  directory = good;
}

TEST_F(Store, ADirectoryThatIsRemovedIsMadeAgain) {
  const std::string good = directory;
  directory += "/state";
  auto k = keeper();
  k->observed(context, sample(1, {}));
  const auto holds_one = [&] {
    try {
      return fs::exists(file()) && samples() == 1;
    } catch (const std::exception&) {  // the file is there before its tables are
      return false;
    }
  };
  ASSERT_TRUE(comes(holds_one));
  fs::remove_all(directory);
  k->observed(context, sample(2, {}));
  EXPECT_TRUE(comes(holds_one));
  EXPECT_TRUE(k->stop(Milliseconds(5000)));
  EXPECT_EQ(samples(), 1u);
  directory = good;
}

// A disk without room, as a limit on the size of files: in a process of its own, which then removes the limit.
TEST_F(Store, AFullDiskDegradesAndRecovers) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    rlimit small = limit;
    small.rlim_cur = 300'000;
    ::setrlimit(RLIMIT_FSIZE, &small);
    int problem = 0;
    {
      auto k = keeper();
      for (int i = 0; i < 40 && !k->degraded(); ++i) {
        k->observed(context, sample(i * 0.1, {session("1", noise(30'000, static_cast<unsigned>(i)))}));
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      }
      if (!k->degraded()) problem |= 1;
      k->observed(context, sample(9, {}));
      ::setrlimit(RLIMIT_FSIZE, &limit);
      if (!comes([&] { return !k->degraded(); })) problem |= 2;
      if (!k->stop(Milliseconds(5000))) problem |= 4;
    }
    HistoryReader r(directory);
    if (r.raw(1).last != after(start, 9)) problem |= 8;
    ::_exit(problem);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(Store, AProcessThatIsKilledLeavesAReadableFile) {
  const pid_t child = ::fork();
  if (child == 0) {
    HistoryFile f(directory, {});
    for (int i = 0;; ++i)
      f.write({kept({sample(i * 0.01, {session("1", noise(5000, static_cast<unsigned>(i)))})})}, start);
  }
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_NO_THROW(if (fs::exists(file()) && fs::file_size(file()) > 20'000) samples());
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  const std::size_t before = samples();
  EXPECT_GT(before, 0u);
  {
    HistoryFile f(directory, {});
    f.write({kept({sample(1, {})})}, start);
  }
  EXPECT_EQ(samples(), before + 1);
}

TEST_F(Store, ANewProcessRecallsTheWindowOfTheOneBefore) {
  {
    auto k = keeper();
    for (int i = 0; i < 5; ++i) k->observed(context, sample(i, {session("1", "SELECT $1")}));
    EXPECT_TRUE(k->stop(Milliseconds(5000)));
  }
  auto k = keeper();
  std::atomic<std::size_t> n = 0;
  k->recall("main", after(start, 1.5), Time::max(), [&](std::vector<Observation> all) { n = all.size(); });
  k->recall("another", start, Time::max(), [&](auto) { n = 99; });
  EXPECT_TRUE(comes([&] { return n != 0; }));
  EXPECT_TRUE(k->stop(Milliseconds(5000)));
  EXPECT_EQ(n, 3u);
}

TEST(StoreCompress, DamageIsSeen) {
  const std::string text = noise(50'000, 3) + std::string(50'000, 'x');
  std::string body = compressed(text);
  EXPECT_LT(body.size(), text.size());
  EXPECT_EQ(decompressed(body), text);
  EXPECT_EQ(decompressed(compressed("")), "");
  EXPECT_FALSE(decompressed(body.substr(0, body.size() - 1)));
  EXPECT_FALSE(decompressed("abc"));
  for (std::size_t i = 0; i < body.size(); i += 997) {
    std::string wrong = body;
    wrong[i] = static_cast<char>(wrong[i] ^ 1);
    const auto out = decompressed(wrong);
    EXPECT_TRUE(!out || *out == text) << i;
  }
}

TEST(StoreDirectory, IsWhereASidecarsOperatorLooks) {
  std::map<std::string, std::string> environment;
  char name[] = "/tmp/pgvigil-places-XXXXXX";
  const std::string root = ::mkdtemp(name);
  StatePlaces places{[&](const std::string& key) -> std::optional<std::string> {
                       const auto it = environment.find(key);
                       return it == environment.end() ? std::nullopt : std::optional(it->second);
                     },
                     root + "/var"};
  EXPECT_EQ(state_directory_to_write(places), "");
  environment["HOME"] = root + "/home";
  EXPECT_EQ(state_directory_to_write(places), root + "/home/.local/state/pgvigil");
  environment["XDG_STATE_HOME"] = root + "/xdg";
  EXPECT_EQ(state_directory_to_write(places), root + "/xdg/pgvigil");
  fs::create_directory(places.system);
  EXPECT_EQ(state_directory_to_write(places), places.system);
  environment["STATE_DIRECTORY"] = root + "/unit:/other";
  EXPECT_EQ(state_directory_to_write(places), root + "/unit");
  fs::create_directories(root + "/xdg/pgvigil");
  std::ofstream(root + "/xdg/pgvigil/history.db") << "x";
  EXPECT_EQ(state_directory_to_read(places), root + "/xdg/pgvigil");
  fs::remove_all(root);
}

}  // namespace
}  // namespace pgvigil
