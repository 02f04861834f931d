#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>

#include "agent/store/alerts_file.h"
#include "agent/store/alerts_keeper.h"

namespace pgvigil {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const Time start = Time{} + std::chrono::hours(24 * 20'000);

Delivery delivery(const std::string& id, const std::string& receiver = "ops",
                  Notice::Edge edge = Notice::Edge::firing) {
  return {receiver, id, "key-" + id, edge, "[CRITICAL] " + id, R"({"text":")" + id + "\"}", start};
}

std::vector<std::string> ids(const std::vector<Delivery>& all) {
  std::vector<std::string> out;
  for (const Delivery& d : all) out.push_back(d.receiver + "/" + d.id);
  return out;
}

class AlertsStore : public testing::Test {
 protected:
  AlertsStore() {
    char name[] = "/tmp/pgvigil-alerts-XXXXXX";
    directory = ::mkdtemp(name);
  }
  ~AlertsStore() override { fs::remove_all(directory); }

  std::unique_ptr<AlertsKeeper> keeper() {
    return std::make_unique<AlertsKeeper>(AlertsKeeperOptions{.directory = directory,
                                                              .beat = Milliseconds(20),
                                                              .now = [] { return start; },
                                                              .say =
                                                                  [this](bool, const std::string& what) {
                                                                    const std::lock_guard lock(mutex);
                                                                    said.push_back(what);
                                                                  },
                                                              .silences =
                                                                  [this](std::vector<Silence> all) {
                                                                    const std::lock_guard lock(mutex);
                                                                    silences = std::move(all);
                                                                  },
                                                              .recovered =
                                                                  [this](Recovered r) {
                                                                    const std::lock_guard lock(mutex);
                                                                    recovered = std::move(r);
                                                                  }});
  }
  void keep(AlertsKeeper& k, std::vector<Delivery> deliveries, const std::string& state = "state") {
    std::promise<void> done;
    k.keep("shop", state, std::move(deliveries), [&] { done.set_value(); });
    ASSERT_EQ(done.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
  }
  template <class F>
  bool soon(F true_now) {
    for (int i = 0; i < 500; ++i) {
      {
        const std::lock_guard lock(mutex);
        if (true_now()) return true;
      }
      std::this_thread::sleep_for(Milliseconds(10));
    }
    return false;
  }

  std::string directory;
  std::mutex mutex;
  std::vector<std::string> said;
  std::vector<Silence> silences;
  std::optional<Recovered> recovered;
};

TEST_F(AlertsStore, what_was_kept_is_there_for_the_next_process_in_order) {
  {
    AlertsFile file(directory);
    file.keep("shop", "one", {delivery("a"), delivery("a", "two")});
    file.keep("shop", "two", {delivery("b")});
    file.keep("gone", "state", {});
    file.keep("gone", "", {});
    file.settled("ops", "a");
    file.keep("shop", "three", {delivery("b")});  // known already
  }
  AlertsFile file(directory);
  const auto waiting = file.waiting();
  EXPECT_THAT(ids(waiting), ElementsAre("two/a", "ops/b"));
  EXPECT_EQ(waiting[1].payload, R"({"text":"b"})");
  EXPECT_EQ(waiting[1].at, start);
  EXPECT_THAT(file.states(), ElementsAre(testing::Pair("shop", "three")));
  struct stat about {};
  ASSERT_EQ(::stat((directory + "/alerts.db").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
}

TEST_F(AlertsStore, room_is_made_of_resolved_ones_first) {
  AlertsFile file(directory);
  std::vector<Delivery> many;
  for (std::size_t i = 0; i < AlertsFile::most_waiting; ++i) many.push_back(delivery(std::to_string(i)));
  many[7].edge = many[5000].edge = Notice::Edge::resolved;
  file.keep("shop", "s", many);
  EXPECT_EQ(file.make_room(), 0u);
  file.keep("shop", "s", {delivery("x"), delivery("y"), delivery("z")});
  EXPECT_EQ(file.make_room(), 3u);
  const auto left = ids(file.waiting());
  EXPECT_EQ(left.size(), AlertsFile::most_waiting);
  EXPECT_THAT(left, Not(testing::Contains("ops/7")));
  EXPECT_THAT(left, Not(testing::Contains("ops/5000")));
  EXPECT_EQ(left.front(), "ops/1");
}

TEST_F(AlertsStore, silences_end) {
  AlertsFile file(directory);
  Silence s{.id = "a", .target = "shop", .from = start, .until = after(start, 60)};
  file.add(s);
  EXPECT_THAT(file.silences(start), ElementsAre(s));
  EXPECT_THAT(file.silences(after(start, 60)), IsEmpty());
  EXPECT_FALSE(file.expire("b", start));
  EXPECT_TRUE(file.expire("a", after(start, 5)));
  EXPECT_FALSE(file.expire("a", after(start, 6)));
  EXPECT_THAT(file.silences(after(start, 5)), IsEmpty());
}

TEST_F(AlertsStore, a_silence_of_another_process_is_seen) {
  const auto k = keeper();
  EXPECT_TRUE(soon([&] { return recovered.has_value(); }));
  AlertsFile(directory).add({.id = "a", .until = after(start, 60)});
  EXPECT_TRUE(soon([&] { return silences.size() == 1; }));
  AlertsFile(directory).expire("a", start);
  EXPECT_TRUE(soon([&] { return silences.empty(); }));
}

TEST_F(AlertsStore, recovers_what_was_not_settled) {
  {
    const auto k = keeper();
    keep(*k, {delivery("a"), delivery("b")});
    k->settled("ops", "a");
  }
  recovered.reset();
  const auto k = keeper();
  ASSERT_TRUE(soon([&] { return recovered.has_value(); }));
  EXPECT_THAT(ids(recovered->waiting), ElementsAre("ops/b"));
  EXPECT_EQ(recovered->states.at("shop"), "state");
}

// Flipped or cut anywhere: it starts, says so where it could not be read, and keeps what is new.
TEST_F(AlertsStore, a_damaged_file_costs_no_new_alert) {
  {
    AlertsFile file(directory);
    file.keep("shop", "state", {delivery("a"), delivery("b")});
  }
  const std::string path = directory + "/alerts.db";
  std::ifstream in(path, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  ASSERT_GT(whole.size(), 4096u);
  int aside = 0;
  for (std::size_t at = 0; at < whole.size(); at += 509)
    for (const bool cut : {false, true}) {
      for (const auto& entry : fs::directory_iterator(directory)) fs::remove(entry);
      std::string bad = cut ? whole.substr(0, at) : whole;
      if (!cut) bad[at] = static_cast<char>(bad[at] ^ 0x5a);
      std::ofstream(path, std::ios::binary) << bad;
      {
        const auto k = keeper();
        keep(*k, {delivery("new")});
      }
      EXPECT_THAT(ids(AlertsFile(directory).waiting()), testing::Contains("ops/new")) << at << (cut ? " cut" : "");
      aside += fs::exists(path + ".damaged") ? 1 : 0;
    }
  EXPECT_GT(aside, 3);
}

TEST_F(AlertsStore, without_a_disk_it_goes_on_in_memory_and_writes_later) {
  const std::string lost = directory + "/lost";
  {
    std::ofstream(lost) << "a file where a directory should be";
    directory += "/lost";
    const auto k = keeper();
    keep(*k, {delivery("a"), delivery("b")}, "newest");
    EXPECT_TRUE(k->degraded());
    k->settled("ops", "a");  // sent from memory meanwhile
    fs::remove(lost);
    EXPECT_TRUE(soon([&] { return !k->degraded(); }));
    EXPECT_THAT(said.front(), HasSubstr("alerts are sent from memory"));
  }
  AlertsFile file(directory);
  EXPECT_THAT(ids(file.waiting()), ElementsAre("ops/b"));
  EXPECT_EQ(file.states().at("shop"), "newest");
  directory = fs::path(directory).parent_path();
}

// The second one sends from memory, and takes up what the first has left when that ends.
TEST_F(AlertsStore, two_agents_do_not_share_a_directory) {
  auto first = keeper();
  keep(*first, {delivery("a")}, "firsts");
  recovered.reset();
  const auto second = keeper();
  keep(*second, {delivery("b")}, "seconds");
  EXPECT_TRUE(second->degraded());
  EXPECT_THAT(ids(AlertsFile(directory).waiting()), ElementsAre("ops/a"));
  first.reset();
  EXPECT_TRUE(soon([&] { return recovered.has_value(); }));
  EXPECT_THAT(ids(recovered->waiting), ElementsAre("ops/a"));
  EXPECT_TRUE(soon([&] { return !second->degraded(); }));
  EXPECT_THAT(ids(AlertsFile(directory).waiting()), ElementsAre("ops/a", "ops/b"));
}

TEST_F(AlertsStore, a_newer_files_form_is_left_alone) {
  {
    AlertsFile file(directory);
    file.keep("shop", "state", {delivery("a")});
  }
  Sqlite(directory + "/alerts.db", Sqlite::Open::create).run("PRAGMA user_version = 99");
  EXPECT_THROW(AlertsFile{directory}, SqliteError);
  const auto k = keeper();
  keep(*k, {delivery("b")});
  EXPECT_TRUE(k->degraded());
  EXPECT_FALSE(fs::exists(directory + "/alerts.db.damaged"));
}

}  // namespace
}  // namespace pgvigil
