// Where alerts go: receivers, and the dead man's switch.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "agent/settings/load_parts.h"

namespace pgvigil {
namespace {

constexpr std::string_view pagerduty_url = "https://events.pagerduty.com/v2/enqueue";
constexpr std::size_t most_members = 20;

// Reports what is wrong with a URL at the key that gave it.
void check_url(Section& s, const std::string& key, std::string_view name, const std::string& url) {
  const std::string host = url_host(url);
  if (host.empty())
    s.error(key, fmt::format("{} is not an http or https URL", name));
  else if (url.starts_with("http://") && !is_loopback(host))
    s.error(key, fmt::format("{} is plain http to another machine", name),
            "use https: the path of a webhook is a secret");
}

void read_route(Section& s, ReceiverKind kind, Route& route) {
  static const std::vector<std::string_view> act_bys{"now", "today", "this_week", "later"};
  static const std::vector<std::string_view> severities{"warning", "critical"};
  // A pager wakes people, an Alertmanager may; what can wait is read in a channel.
  if (kind == ReceiverKind::pagerduty) route.act_by = ActBy::now;
  if (kind == ReceiverKind::alertmanager) route.act_by = ActBy::today;
  std::size_t which = 0;
  if (s.choice("act_by", act_bys, which)) route.act_by = static_cast<ActBy>(which);
  if (s.choice("severity", severities, which)) route.severity = which == 0 ? Severity::warning : Severity::critical;
  s.texts("targets", route.targets);
  s.texts("checks", route.checks);
  s.flag("send_resolved", route.send_resolved);
}

void read_urls(Section& s, ReceiverSettings& r) {
  const std::string key = s.has("url_file") ? "url_file" : "url";
  const bool given = s.secret("url", r.url);
  if (r.kind == ReceiverKind::alertmanager && s.texts("urls", r.more_urls)) {
    if (s.has("url") || s.has("url_file")) s.error("urls", "a receiver has url and urls", "give one of the two");
    if (r.more_urls.size() > most_members)
      s.error("urls", fmt::format("urls lists more than {} members", most_members));
    for (const std::string& url : r.more_urls) check_url(s, "urls", "one of urls", url);
    if (!r.more_urls.empty()) {
      r.url = r.more_urls.front();
      r.more_urls.erase(r.more_urls.begin());
      return;
    }
  } else if (given) {
    return check_url(s, key, "url", r.url);
  }
  if (s.has("url") || s.has("url_file")) return;
  if (r.kind == ReceiverKind::pagerduty)
    r.url = pagerduty_url;
  else
    s.error("url", "a receiver has no url",
            r.kind == ReceiverKind::alertmanager ? "set urls: every member of the cluster, as http://127.0.0.1:9093"
                                                 : "set url_file, or url: ${NAME}");
}

}  // namespace

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host == "[::1]" || host.starts_with("127.");
}

std::string url_host(std::string_view url) {
  std::string_view rest = url;
  if (rest.starts_with("https://"))
    rest.remove_prefix(8);
  else if (rest.starts_with("http://"))
    rest.remove_prefix(7);
  else
    return "";
  if (std::any_of(url.begin(), url.end(), [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; }))
    return "";
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) rest.remove_prefix(at + 1);
  if (rest.starts_with('[')) return std::string(rest.substr(0, rest.find(']') + 1));
  return std::string(rest.substr(0, rest.find(':')));
}

void read_receivers(Section& root, Settings& out, Loading& loading) {
  const YamlNode* all = root.list("receivers");
  if (all == nullptr) return;
  const std::vector<std::string_view> kinds(receiver_kinds.begin(), receiver_kinds.end());
  std::set<std::string> names;
  for (std::size_t i = 0; i < all->items.size(); ++i) {
    Section s(all->items[i], fmt::format("receivers[{}]", i), loading);
    ReceiverSettings r;
    auto kind = static_cast<std::size_t>(ReceiverKind::webhook);
    s.text("name", r.name);
    if (!s.choice("kind", kinds, kind) && !s.has("kind"))
      s.error("kind", "a receiver has no kind",
              "write \"kind: slack\" or another of " + fmt::format("{}", fmt::join(kinds, ", ")));
    r.kind = static_cast<ReceiverKind>(kind);
    read_urls(s, r);
    if (r.kind == ReceiverKind::pagerduty && !s.secret("routing_key", r.routing_key) && !s.has("routing_key") &&
        !s.has("routing_key_file"))
      s.error("routing_key", "a pagerduty receiver has no routing_key",
              "set routing_key_file to the integration key of an Events API v2 integration");
    read_route(s, r.kind, r.route);
    s.flag("allow_private", r.allow_private);
    s.text("ca_file", r.ca_file);
    s.finish();
    if (r.name.empty()) r.name = fmt::format("{} {}", to_string(r.kind), i + 1);
    for (std::size_t n = 0; n <= r.more_urls.size(); ++n)
      if (const std::string name = n == 0 ? r.name : fmt::format("{} {}", r.name, n + 1); !names.insert(name).second)
        loading.error(
            all->items[i], fmt::format("two receivers are named \"{}\"", name),
            n == 0 ? "give each receiver its own name" : "the members of a cluster are numbered; name another one");
    out.receivers.push_back(std::move(r));
  }
}

void read_heartbeat(Section& root, HeartbeatSettings& out, Loading& loading) {
  const YamlNode* node = root.map("heartbeat");
  if (node == nullptr) return;
  Section s(*node, "heartbeat", loading);
  if (s.secret("url", out.url) && !out.url.empty())
    check_url(s, s.has("url_file") ? "url_file" : "url", "url", out.url);
  s.number("interval", Unit::seconds, out.interval, {1, 86400});
  s.flag("allow_private", out.allow_private);
  s.text("ca_file", out.ca_file);
  s.finish();
}

}  // namespace pgvigil
