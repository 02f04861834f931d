#include "agent/http/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/core/text.h"
#include "agent/http/assets.h"

namespace pgvigil {
namespace {

constexpr std::string_view json_type = "application/json; charset=utf-8";
constexpr std::string_view text_type = "text/plain; charset=utf-8";

// No script, style or request but our own; nobody frames us; no address leaves with a link.
void add_security(Reply& r) {
  r.headers.emplace_back("Content-Security-Policy",
                         "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                         "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
  r.headers.emplace_back("X-Content-Type-Options", "nosniff");
  r.headers.emplace_back("Referrer-Policy", "no-referrer");
  r.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
}

Reply with_text(unsigned status, std::string_view type, Text text) {
  Reply r;
  r.status = status;
  r.text = std::move(text);
  r.body = *r.text;
  r.headers.emplace_back("Content-Type", type);
  r.headers.emplace_back("Cache-Control", "no-store");
  return r;
}
Reply with_text(unsigned status, std::string_view type, std::string text) {
  return with_text(status, type, std::make_shared<const std::string>(std::move(text)));
}

Reply with_asset(const Asset& a, const Ask& ask) {
  Reply r;
  r.headers.emplace_back("ETag", a.etag);
  r.headers.emplace_back("Vary", "Accept-Encoding");
  r.headers.emplace_back("Cache-Control",
                         a.path.starts_with("/assets/") ? "public, max-age=31536000, immutable" : "no-cache");
  if (ask.if_none_match.find(a.etag) != std::string_view::npos) {
    r.status = 304;
    return r;
  }
  r.headers.emplace_back("Content-Type", a.mime);
  const bool gz = ask.accept_encoding.find("gzip") != std::string_view::npos;
  if (gz) r.headers.emplace_back("Content-Encoding", "gzip");
  r.body = gz ? a.gz : a.bytes;
  return r;
}

Reply error(unsigned status, std::string_view what) {
  const nlohmann::ordered_json body{{"error", what}};
  return with_text(status, json_type, body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

Reply see_other(std::string_view where) {
  Reply r = with_text(303, text_type, std::string("see ") + std::string(where) + "\n");
  r.headers.emplace_back("Location", where);
  return r;
}

// The value of a query parameter, percent-decoded; "" when absent.
std::string parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const std::string_view field = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (field.size() > name.size() && field.starts_with(name) && field[name.size()] == '=')
      return unescape_form(field.substr(name.size() + 1));
  }
  return {};
}

// The sick first: those that do not answer, then by verdict.
bool sicker(const PublishedPtr& a, const PublishedPtr& b) {
  return std::pair(!a->reachable, a->verdict) > std::pair(!b->reachable, b->verdict);
}

std::string targets_json(std::vector<PublishedPtr> all, double interval, const std::string& agent) {
  std::stable_sort(all.begin(), all.end(), sicker);
  std::string out = fmt::format(R"({{"schema":1,"interval_seconds":{},"agent":{},"targets":[)", interval, agent);
  std::string_view comma;
  for (const PublishedPtr& p : all)
    if (p->line) out.append(std::exchange(comma, ",")).append(*p->line);
  return out + "]}";
}

std::string findings_json(const std::vector<PublishedPtr>& all) {
  std::string out = R"({"schema":1,"findings":[)";
  std::string_view comma;
  for (const PublishedPtr& p : all)
    if (p->findings && !p->findings->empty()) out.append(std::exchange(comma, ",")).append(*p->findings);
  return out + "]}";
}

Reply stream(const Ask& ask, std::string target) {
  Reply r;
  r.live = true;
  r.only_target = std::move(target);
  const auto& id = ask.last_event_id;
  std::from_chars(id.data(), id.data() + id.size(), r.after);
  r.headers.emplace_back("Content-Type", "text/event-stream; charset=utf-8");
  r.headers.emplace_back("Cache-Control", "no-store");
  r.headers.emplace_back("X-Accel-Buffering", "no");
  return r;
}

// `from` and `until` of a request; false when they are no times.
bool span_of(std::string_view query, PastAsk& ask) {
  for (const auto& [name, time] : {std::pair("from", &ask.from), std::pair("until", &ask.until)}) {
    const std::string given = parameter(query, name);
    const auto parsed = given.empty() ? std::optional(*time) : parse_time(given);
    if (!parsed) return false;
    *time = *parsed;
  }
  return ask.from <= ask.until;
}

constexpr std::string_view no_span = "from and until are Unix seconds or RFC 3339, from not behind until";
constexpr double memory_edge = 2;  // seconds: who asks from the oldest sample on asks for what is in memory

}  // namespace

Reply Routes::refuse(unsigned status, std::string_view what) {
  Reply r = error(status, what);
  add_security(r);
  return r;
}

Reply Routes::document(Text text) {
  Reply r = text ? with_text(200, json_type, std::move(text))
                 : error(503, "the history does not answer; what is in memory is answered without from and until");
  add_security(r);
  return r;
}

Reply Routes::load(const std::string& target, std::string_view query) const {
  PastAsk ask{.path = "load", .target = target};
  if (!span_of(query, ask)) return error(400, no_span);
  const auto oldest = board_.load_since(target);
  const bool no_from = ask.from == Time::min();
  const Time from = no_from ? after(ask.until, -usual_load) : ask.from;
  const bool in_memory = (no_from && ask.until == Time::max()) || (oldest && from >= after(*oldest, -memory_edge));
  if (!in_memory && options_.has_past) {
    Reply r;
    r.past = std::move(ask);
    return r;
  }
  return with_text(200, json_type, board_.load(target, ask.from, ask.until));
}

Reply Routes::events(const Published& published, std::string_view query) const {
  PastAsk ask{.path = "events", .target = published.target};
  if (!span_of(query, ask)) return error(400, no_span);
  if (options_.has_past && (ask.from != Time::min() || ask.until != Time::max())) {
    Reply r;
    r.past = std::move(ask);
    return r;
  }
  const auto latest = published.others.find("events");
  return latest != published.others.end() ? with_text(200, json_type, latest->second) : error(404, "nothing here");
}

Reply Routes::of_target(std::string_view path, const std::string& target, std::string_view query) const {
  const auto all = board_.since(0, target);
  if (all.empty() && !target.empty() && path == "load" && board_.load_since(target)) return load(target, query);
  if (all.empty()) return error(target.empty() ? 503 : 404, target.empty() ? "no report yet" : "no such target");
  if (all.size() > 1) return error(400, "several targets: choose one with ?target=, see /api/v1/targets");
  const Published& p = *all.front();
  if (path == "report") return with_text(200, json_type, p.report);
  if (path == "load" && !p.others.contains(path)) return load(p.target, query);
  if (path == "events") return events(p, query);
  const auto document = p.others.find(path);
  if (document != p.others.end()) return with_text(200, json_type, document->second);
  return error(404, "nothing here");
}

Reply Routes::api(const Ask& ask, std::string_view path, std::string_view query) const {
  constexpr std::string_view root = "/api/v1/";
  if (!path.starts_with(root)) return error(404, "nothing here");
  path.remove_prefix(root.size());
  std::string target = parameter(query, "target");
  if (path == "targets")
    return with_text(200, json_type, targets_json(board_.all(), options_.interval_seconds, *board_.agent()));
  const bool known = target.empty() || !board_.since(0, target).empty();
  if (path == "findings")
    return known ? with_text(200, json_type, findings_json(board_.since(0, target))) : error(404, "no such target");
  if (path == "stream" || (path == "events" && ask.accept.find("text/event-stream") != std::string_view::npos))
    return known || board_.load_since(target) ? stream(ask, std::move(target)) : error(404, "no such target");
  return of_target(path, target, query);
}

Reply Routes::login(const Ask& ask) const {
  if (access_.open()) return see_other("/");
  if (ask.method == "POST") {
    if (access_.logs_in(ask.body)) {
      Reply r = see_other("/");
      r.headers.emplace_back("Set-Cookie", access_.set_cookie());
      return r;
    }
    Reply r = see_other("/login?wrong");
    r.slow_down = true;
    return r;
  }
  const bool wrong = ask.target.ends_with("?wrong");
  const Asset* page = find_asset(wrong ? "/login-wrong.html" : "/login.html");
  return page == nullptr ? error(404, "built without the page") : with_asset(*page, ask);
}

Reply Routes::answer(const Ask& ask, Steady now) const {
  const auto mark = std::min(ask.target.find('?'), ask.target.size());
  const std::string_view path = ask.target.substr(0, mark);
  const std::string_view query = ask.target.substr(std::min(mark + 1, ask.target.size()));
  const auto route = [&]() -> Reply {
    const bool get = ask.method == "GET" || ask.method == "HEAD";
    if (!get && !(ask.method == "POST" && path == "/login")) {
      Reply r = error(405, "only GET and HEAD");
      r.headers.emplace_back("Allow", "GET, HEAD");
      return r;
    }
    if (is_loopback(options_.address) && !(ask.old && ask.host.empty()) &&
        !is_own_host(ask.host, options_.address, options_.hosts))
      return error(421, "this host name is not ours");
    if (path == "/healthz")
      return now - board_.progress() < options_.stuck_after
                 ? with_text(200, text_type, std::string("ok\n"))
                 : with_text(503, text_type, std::string("no cycle ended in time\n"));
    if (path == "/readyz")
      return board_.ready() ? with_text(200, text_type, std::string("ok\n"))
                            : with_text(503, text_type, std::string("the first cycle was not tried yet\n"));
    if (path == "/login") return login(ask);
    if (path.starts_with("/assets/")) {
      const Asset* a = find_asset(path);
      return a == nullptr ? error(404, "nothing here") : with_asset(*a, ask);
    }
    if (!access_.allows(ask.authorization, ask.cookie)) {
      if (ask.accept.find("text/html") != std::string_view::npos) return see_other("/login");
      Reply r = error(401, "a token is needed: Authorization: Bearer TOKEN");
      r.headers.emplace_back("WWW-Authenticate", "Bearer");
      return r;
    }
    if (path == "/metrics") return with_text(200, "text/plain; version=0.0.4; charset=utf-8", board_.metrics());
    if (path.starts_with("/api/")) return api(ask, path, query);
    const Asset* page = path == "/" ? find_asset("/index.html") : nullptr;
    return page == nullptr ? error(404, "nothing here") : with_asset(*page, ask);
  };
  Reply r = route();
  add_security(r);
  return r;
}

}  // namespace pgvigil
