// alerts.db: what must not be lost between a finding and a phone. Edges stay in it from before their first POST until a
// receiver took them; beside them stand what each target's alerts remember, and the silences.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/core/delivery.h"
#include "agent/core/silence.h"
#include "agent/store/directory.h"
#include "agent/store/sqlite.h"

namespace pgvigil {

class AlertsFile {
 public:
  static constexpr int schema = 1;  // user_version
  static constexpr const char* name = "alerts.db";
  static constexpr std::size_t most_waiting =
      10'000;  // edges; then resolved ones go first, the oldest before the others

  // Makes the file when it is missing, for the directory's owner alone. Throws SqliteError.
  explicit AlertsFile(const std::string& directory);

  // All or nothing, and on the disk when it returns. `state` replaces what the target's alerts remembered; "" forgets
  // it.
  void keep(const std::string& target, const std::string& state, const std::vector<Delivery>& deliveries);
  void settled(const std::string& receiver, const std::string& id);
  // Gives how many edges were given up for want of room.
  std::size_t make_room();

  std::vector<Delivery> waiting();              // oldest first; damaged ones are left out
  std::map<std::string, std::string> states();  // by target

  void add(const Silence& silence);              // one with its id is replaced
  bool expire(const std::string& id, Time now);  // false: there is none of this id that has not ended
  std::vector<Silence> silences(Time now);       // that have not ended; those ended for a week are forgotten
  std::int64_t version();                        // changes when another process wrote

  bool there() const;  // the file is still the one that was opened

 private:
  std::string path_;
  Sqlite db_;
  FileIdentity identity_;
};

}  // namespace pgvigil
