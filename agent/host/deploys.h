// Deploys, as a pipeline notes them: a file to which it appends a line for each, "TIME TEXT".
#pragma once

#include <string>
#include <vector>

#include "agent/core/keep.h"

namespace pgvigil {

class DeploysFile {
 public:
  explicit DeploysFile(std::string path = {}) : path_(std::move(path)) {}
  const std::string& path() const { return path_; }

  struct Read {
    bool fresh = false;  // it was read: these are all its deploys now
    std::vector<Moment> deploys = {};
    std::string trouble = {};  // a line to tell once: not readable, or a line that is no deploy
  };
  // The newest 64 kB of it when it has changed since the last call, also when it is gone; nothing else.
  Read changed(Time now);

 private:
  std::string path_;
  std::int64_t size_ = -1, modified_ = -1;
  bool unreadable_ = false;
};

// Text of such a file; `begins_inside`: its first line may be cut.
DeploysFile::Read parse_deploys(std::string_view text, bool begins_inside, Time now);

}  // namespace pgvigil
