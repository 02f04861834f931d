#include "agent/host/files.h"

#include <fstream>

namespace pgvigil::host {

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string all;
  char buffer[8192];
  while (all.size() < (1U << 20)) {
    in.read(buffer, sizeof buffer);
    if (in.gcount() <= 0) break;
    all.append(buffer, static_cast<std::size_t>(in.gcount()));
  }
  if (in.bad()) return std::nullopt;
  return all;
}

}  // namespace pgvigil::host
