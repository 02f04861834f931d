// The file systems that the server writes to.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct Disk {
  std::string holds = {};                 // "data directory", "WAL", "tablespace 16402"; one row for each file system
  std::string path = {}, source = {};     // how we got there: "postmaster.pid", "process root", "same owner"
  std::int64_t total = 0, available = 0;  // bytes that an ordinary user may have
  std::optional<std::int64_t> files_total = {}, files_free = {};  // inodes; none where the file system counts none
};

extern const Probe<Disk> disks;

}  // namespace pgvigil
