#include "agent/host/deploys.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "agent/core/text.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr std::int64_t most_bytes = 64 << 10;
constexpr std::size_t text_kept = 200;
constexpr double tomorrow = 86400;  // seconds: a clock that is wrong by more is a typing error

}  // namespace

DeploysFile::Read parse_deploys(std::string_view text, bool begins_inside, Time now) {
  DeploysFile::Read out;
  std::size_t number = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) break;  // still being written
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if ((begins_inside && number == 1) || line.empty() || line.starts_with('#')) continue;
    const auto blank = std::min(line.find_first_of(" \t"), line.size());
    const auto at = parse_time(line.substr(0, blank));
    if (!at || *at > after(now, tomorrow)) {
      if (out.trouble.empty())
        out.trouble = fmt::format("{}: not a deploy: \"{}\"; a line is a time (RFC 3339 or Unix seconds) and a text",
                                  begins_inside ? "a line near its end" : fmt::format("line {}", number),
                                  words::one_line(line, 60));
      continue;
    }
    std::string what = words::one_line(line.substr(std::min(blank + 1, line.size())), text_kept);
    if (what.empty()) what = "deploy";
    out.deploys.push_back({.at = *at, .kind = "deploy", .sentence = std::move(what), .started = *at});
  }
  return out;
}

DeploysFile::Read DeploysFile::changed(Time now) {
  if (path_.empty()) return {};
  struct stat s {};
  if (::stat(path_.c_str(), &s) != 0) {
    if (std::exchange(size_, -2) == -2) return {};
    return {true, {}, fmt::format("{}: cannot be read yet; deploys are marked once it is there", path_)};
  }
  const std::int64_t modified = s.st_mtim.tv_sec * 1'000'000'000 + s.st_mtim.tv_nsec;
  if (s.st_size == size_ && modified == modified_) return {};
  size_ = s.st_size;
  modified_ = modified;
  if (!S_ISREG(s.st_mode)) return {false, {}, fmt::format("{}: not a regular file", path_)};
  std::ifstream in(path_, std::ios::binary);
  if (!in.is_open()) {
    size_ = -1;  // a chmod shows in neither size nor time
    return {false, {}, std::exchange(unreadable_, true) ? "" : fmt::format("{}: cannot be read", path_)};
  }
  unreadable_ = false;
  const std::int64_t from = std::max<std::int64_t>(0, size_ - most_bytes);
  in.seekg(from);
  std::string text(static_cast<std::size_t>(size_ - from), '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return {false, {}, fmt::format("{}: cannot be read", path_)};
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  Read out = parse_deploys(text, from > 0, now);
  out.fresh = true;
  if (!out.trouble.empty()) out.trouble = path_ + ": " + out.trouble;
  return out;
}

}  // namespace pgvigil
