// Temporary files in flight, by process. pg_ls_tmpdir() misses the filesets of parallel work: a lower bound.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct TempFiles {
  std::int64_t pid = 0;
  std::string tablespace = {};
  std::int64_t files = 0, bytes = 0;
  std::string source = "pg_ls_tmpdir";  // how it was seen
};

extern const Probe<TempFiles> temp_files;

}  // namespace pgvigil
