// The server under attack: the database of a hostile role, somebody who listens and never answers, somebody who counts.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "tests/contract/pg_fixture.h"
#include "tests/plans/hostile/corpus.h"

namespace pgvigil::hostile {

constexpr const char* kDatabase = "vigil_hostile";

// Roles vigil_reader (as recommended), vigil_super, vigil_hostile; the latter's database with all that the corpus
// makes. Returns the installed extensions, each between blanks.
std::string make_database(test::Admin& admin, int major);
void make_objects(test::Admin& db, const Corpus& corpus, const std::string& data_directory, int major);

// A port of 127.0.0.1 where connections are taken and nothing is ever said. hang_up() ends those there are.
class Silent {
 public:
  Silent() { open(); }
  ~Silent();
  Silent(const Silent&) = delete;
  Silent& operator=(const Silent&) = delete;
  void hang_up();
  int port() const { return port_; }

 private:
  void open();
  int socket_ = -1, port_ = 0;
};

// Counts the server processes of a role, all the time, over a connection of its own.
class Watcher {
 public:
  explicit Watcher(std::string role);
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  int most() const { return most_; }

 private:
  std::atomic<bool> end_ = false;
  std::atomic<int> most_ = 0;
  std::thread thread_;
};

}  // namespace pgvigil::hostile
