#include <libpq-fe.h>

#include <cstdio>

#include "agent/commands/command.h"

namespace pgvigil {

Command version_command() {
  const auto run = [] {
    const int libpq = PQlibVersion();
    std::printf("pgvigil %s, libpq %d.%d\n", PGVIGIL_VERSION, libpq / 10000, libpq % 10000);
    return 0;
  };
  return {.name = "version", .description = "print the version of pgvigil and of libpq", .run = run};
}

}  // namespace pgvigil
