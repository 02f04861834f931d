#include "agent/host/postmaster.h"

#include "agent/host/files.h"

namespace pgvigil::host {
namespace {

bool is_postgres(const Process& p) {
  return p.name.find("postgres") != std::string::npos || p.name.find("postmaster") != std::string::npos;
}

}  // namespace

std::optional<Process> read_process(const std::string& root, std::int64_t pid) {
  const auto text = read_file(root + "/proc/" + std::to_string(pid) + "/stat");
  return text ? parse_process(*text) : std::nullopt;
}

std::optional<Process> find_postmaster(const HostOptions& options) {
  if (options.backend_pid <= 1) return std::nullopt;
  const auto backend = read_process(options.root, options.backend_pid);
  const auto title = read_file(options.root + "/proc/" + std::to_string(options.backend_pid) + "/cmdline");
  if (!backend || !is_postgres(*backend) || !title || title->find(options.user) == std::string::npos ||
      title->find(options.database) == std::string::npos)
    return std::nullopt;
  auto parent = read_process(options.root, backend->parent);
  if (!parent || !is_postgres(*parent)) return std::nullopt;
  return parent;
}

Failure unseen(std::string message, std::string mend) {
  return {.sqlstate = "PGV04", .message = std::move(message), .mend = std::move(mend)};
}

}  // namespace pgvigil::host
