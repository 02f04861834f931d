#include "agent/host/disks.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "agent/host/files.h"
#include "checks/probes/disks.h"

namespace pgvigil {
namespace {

namespace fs = std::filesystem;

struct Place {
  std::string path, root, source;  // root: put before absolute links below it
};

std::optional<struct stat> look(const std::string& path) {
  struct stat s = {};
  return ::stat(path.c_str(), &s) == 0 ? std::optional(s) : std::nullopt;
}

// The third line of postmaster.pid is the postmaster's start in epoch seconds.
std::optional<std::int64_t> started(const std::string& directory) {
  const auto text = host::read_file(directory + "/postmaster.pid");
  if (!text) return std::nullopt;
  std::size_t at = 0;
  for (int line = 0; line < 2; ++line) {
    at = text->find('\n', at);
    if (at == std::string::npos) return std::nullopt;
    ++at;
  }
  return host::parse_integer(std::string_view(*text).substr(at, text->find('\n', at) - at));
}

bool is_this_servers(const std::string& directory, const HostOptions& options) {
  constexpr double slack = 5;  // seconds between the process and the time it tells
  const auto start = started(directory);
  return start && std::fabs(static_cast<double>(*start) - options.start_time) <= slack;
}

std::optional<Place> find_place(const HostOptions& options) {
  const std::string here = options.root + options.data_directory;
  if (is_this_servers(here, options)) return Place{here, options.root, "postmaster.pid"};
  const auto postmaster = host::find_postmaster(options);
  if (!postmaster) return std::nullopt;
  const std::string process = options.root + "/proc/" + std::to_string(postmaster->pid);
  if (look(process + "/root" + options.data_directory))
    return Place{process + "/root" + options.data_directory, process + "/root", "process root"};
  const auto owner = look(process), directory = look(here);
  if (owner && directory && S_ISDIR(directory->st_mode) && directory->st_uid == owner->st_uid)
    return Place{here, options.root, "same owner"};
  return std::nullopt;
}

// Where a link below the data directory leads; it is absolute as the server sees it.
std::string follow(const Place& place, const std::string& name) {
  const std::string path = place.path + "/" + name;
  std::error_code error;
  const fs::path target = fs::read_symlink(path, error);
  return !error && target.is_absolute() ? place.root + target.string() : path;
}

void add(std::vector<Disk>& rows, std::set<dev_t>& seen, const std::string& holds, const std::string& path,
         const Place& place) {
  struct statvfs v = {};
  const auto s = look(path);
  if (!s || !seen.insert(s->st_dev).second || ::statvfs(path.c_str(), &v) != 0 || v.f_blocks == 0) return;
  const auto bytes = [&](fsblkcnt_t blocks) { return static_cast<std::int64_t>(blocks * v.f_frsize); };
  Disk d{.holds = holds, .path = path.substr(place.root.size()), .source = place.source};
  // What is kept for root is not to be had: as df, the size is what is used and what an ordinary user may still have.
  d.available = bytes(v.f_bavail);
  d.total = bytes(v.f_blocks) - bytes(v.f_bfree) + d.available;
  if (v.f_files > 0) {
    d.files_total = static_cast<std::int64_t>(v.f_files);
    d.files_free = static_cast<std::int64_t>(v.f_favail);
  }
  rows.push_back(std::move(d));
}

}  // namespace

Answer read_disks(const HostOptions& options) {
  Answer answer;
  const auto failed = [&](std::string why, std::string mend) {
    answer.failures.push_back(host::unseen(std::move(why), std::move(mend)));
    return answer;
  };
  if (!options.local) return failed("the server's disks cannot be seen from here", "run the agent beside the server");
  if (options.data_directory.empty())
    return failed("the server does not tell us its data directory", "GRANT pg_monitor TO pgvigil;");
  const auto place = find_place(options);
  if (!place)
    return failed("the server's data directory cannot be seen from here",
                  "mount it read-only where the agent runs, at the path that the server has, or run the agent as the "
                  "server's user");
  std::vector<Disk> rows;
  std::set<dev_t> seen;
  add(rows, seen, "data directory", place->path, *place);
  add(rows, seen, "WAL", follow(*place, "pg_wal"), *place);
  std::error_code error;
  for (fs::directory_iterator it(place->path + "/pg_tblspc", error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    add(rows, seen, "tablespace " + name, follow(*place, "pg_tblspc/" + name), *place);
  }
  answer.rows = disks.rows(std::move(rows));
  return answer;
}

}  // namespace pgvigil
