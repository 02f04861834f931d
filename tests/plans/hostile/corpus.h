// The corpus of hostile texts, functions and objects: read from the three .sql files beside this one.
#pragma once

#include <string>
#include <vector>

namespace pgvigil::hostile {

struct Text {
  std::string name, sql;
  std::string result;      // of texts.sql: "plan", a reason, or "" for either
  std::string must_run;    // the word that the server's log has once this text has run what is hidden behind it
  std::string must_not;    // the same, of what may not run
  bool ours_only = false;  // with a superuser's rights it reaches what no rollback gives back
  bool holds = false;      // the server cannot end it at once: what comes behind it has to wait
  bool floods = false;     // the answer is too large to be read
};

struct Corpus {
  std::vector<std::string> setup;  // SQL of the hostile role, in this order
  std::vector<Text> texts;
  int functions = 0, objects = 0, plain = 0;
};

// `major`, `extensions` (names, each between blanks): what is not for this server is left out. `port`: where somebody
// listens and never answers. Throws when a file cannot be read.
Corpus read_corpus(const std::string& folder, int major, const std::string& extensions, int port);

}  // namespace pgvigil::hostile
