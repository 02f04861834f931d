// Links checks/ and agent/core/ whole and alone: what they need beyond the standard library shows as undefined symbols.
#include <cstdio>

#include "checks/check.h"

int main() {
  std::printf("%zu checks, %zu probes\n", pgvigil::all_checks().size(), pgvigil::all_probes().size());
  return pgvigil::all_checks().empty() || pgvigil::all_probes().empty() ? 1 : 0;
}
