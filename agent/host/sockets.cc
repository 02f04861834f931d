#include "agent/host/sockets.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <cstring>
#include <map>
#include <sstream>

#include "agent/host/files.h"
#include "checks/probes/client_sockets.h"

namespace pgvigil {
namespace host {
namespace {

template <class T>
std::optional<T> hex(std::string_view text) {
  T v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v, 16);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(v) : std::nullopt;
}

// The address as words of four bytes, each in this machine's order.
std::string address(std::string_view text) {
  std::array<unsigned char, 16> raw = {};
  if (text.size() != 8 && text.size() != 32) return {};
  for (std::size_t i = 0; i < text.size(); i += 8) {
    const auto word = hex<std::uint32_t>(text.substr(i, 8));
    if (!word) return {};
    std::memcpy(raw.data() + i / 2, &*word, 4);
  }
  char out[INET6_ADDRSTRLEN] = {};
  static constexpr unsigned char mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  const bool v4 = text.size() == 8 || std::memcmp(raw.data(), mapped, sizeof mapped) == 0;
  const unsigned char* from = raw.data() + (v4 && text.size() == 32 ? 12 : 0);
  return inet_ntop(v4 ? AF_INET : AF_INET6, from, out, sizeof out) == nullptr ? std::string() : out;
}

}  // namespace

std::vector<Socket> parse_sockets(std::string_view table) {
  constexpr std::string_view close_wait = "08";
  std::vector<Socket> all;
  std::istringstream lines{std::string(table)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string slot, local, remote, state;
    if (!(fields >> slot >> local >> remote >> state) || remote.find(':') == std::string::npos) continue;
    const std::size_t colon = remote.find(':');
    const auto port = hex<std::uint16_t>(std::string_view(remote).substr(colon + 1));
    std::string client = address(std::string_view(remote).substr(0, colon));
    if (port && *port != 0 && !client.empty()) all.push_back({std::move(client), *port, state == close_wait});
  }
  return all;
}

}  // namespace host

Answer read_client_sockets(const HostOptions& options, const std::vector<RunningStatement>& statements) {
  constexpr std::size_t whole = 1U << 20;  // read_file stops there: then what is not listed may still exist
  Answer answer;
  if (!options.local) {
    answer.failures.push_back(
        host::unseen("the server's connections cannot be seen from here", "run the agent beside the server"));
    return answer;
  }
  std::vector<ClientSocket> rows;
  if (!statements.empty()) {
    const auto postmaster = host::find_postmaster(options);
    const std::string net =
        options.root + "/proc/" + (postmaster ? std::to_string(postmaster->pid) : std::string("self")) + "/net/";
    std::map<std::pair<std::string, std::int64_t>, bool> closed;
    bool complete = true, ours = false, any = false;
    for (const char* table : {"tcp", "tcp6"})
      if (const auto text = host::read_file(net + table)) {
        any = true;
        complete = complete && text->size() < whole;
        for (const host::Socket& s : host::parse_sockets(*text)) {
          closed.insert_or_assign({s.client, s.port}, s.closed);
          ours = ours || (options.client_port > 0 && s.port == options.client_port);
        }
      }
    if (!any) {
      answer.failures.push_back(
          host::unseen("the kernel's table of connections cannot be read", "mount procfs where the agent runs"));
      return answer;
    }
    for (const RunningStatement& s : statements) {
      const auto it = closed.find({s.client, s.client_port});
      if (it != closed.end())
        rows.push_back({s.pid, s.query_start, it->second ? "closed" : "open"});
      else if (complete && ours)  // our own connection is in the table, so it is the server's
        rows.push_back({s.pid, s.query_start, "gone"});
    }
  }
  answer.rows = client_sockets.rows(std::move(rows));
  return answer;
}

}  // namespace pgvigil
