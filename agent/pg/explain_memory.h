// What is known of texts explained before: which the server will refuse again, and what made others plannable.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/pg/explain.h"
#include "agent/pg/texts.h"

namespace pgvigil::pg {

// Errors that will come again: the same text is left alone for ten minutes (one where a GRANT may be on its way). What
// ran out of time may have met a busy moment: it is left alone for seconds, and four times as long with each failure.
class ExplainMemory {
 public:
  void note(const std::string& key, const Explained& failure, Clock::time_point now);
  void planned(const std::string& key);  // its failures are forgotten
  const Explained* failed(const std::string& key, Clock::time_point now);
  // What made a text plannable is kept, so that the server's log does not see the same errors again.
  struct Worked {
    std::shared_ptr<const sql::Repair> repair;
    std::vector<std::string> schemas;
    OwnSettings own_settings;
  };
  void keep(const std::string& key, Worked worked);
  Worked worked(const std::string& key);

 private:
  struct Entry {
    Explained failure;
    Clock::time_point until;
    int times = 1;  // in a row
  };
  Lately<Entry> entries_;
  Lately<Worked> worked_;
};

}  // namespace pgvigil::pg
