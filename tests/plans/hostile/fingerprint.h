// All that a text could have changed on a server, as lines that can be compared.
#pragma once

#include <string>
#include <vector>

#include "tests/contract/pg_fixture.h"

namespace pgvigil::hostile {

class Fingerprint {
 public:
  // `admin`: a superuser's connection to the database under attack; it listens on the channel vigil_hostile.
  Fingerprint(test::Admin& admin, std::string data_directory);
  // One line each: rows and xmin of every table and catalogue, sequences, files, locks, slots, server times, what
  // runs or waits as `role`.
  std::vector<std::string> take(const std::string& role);

 private:
  test::Admin& admin_;
  std::string data_directory_, counts_;
};

// What is in one and not in the other, each line with its sign; "" when they are the same.
std::string difference(const std::vector<std::string>& before, const std::vector<std::string>& after);

}  // namespace pgvigil::hostile
