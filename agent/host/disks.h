// The file systems below the server's data directory.
#pragma once

#include "agent/host/postmaster.h"

namespace pgvigil {

// Rows of the probe `disks`: the data directory, and the WAL and tablespaces where they lie on file systems of their
// own and we may look. A directory is only believed to be this server's when something proves it. Answer::at is left
// to the caller.
Answer read_disks(const HostOptions& options);

}  // namespace pgvigil
