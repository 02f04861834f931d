#include "agent/http/routes.h"

#include <charconv>
#include <nlohmann/json.hpp>

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

std::string targets_json(const std::vector<Published>& all, double interval) {
  nlohmann::ordered_json out{{"schema", 1}, {"interval_seconds", interval}, {"targets", nlohmann::json::array()}};
  for (const Published& p : all)
    out["targets"].push_back({{"target", p.target},
                              {"verdict", to_string(p.verdict)},
                              {"reachable", p.reachable},
                              {"headline", p.headline}});
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Reply Routes::refuse(unsigned status, std::string_view what) {
  Reply r = error(status, what);
  add_security(r);
  return r;
}

Reply Routes::api(const Ask& ask, std::string_view path, std::string_view query) const {
  const std::string target = parameter(query, "target");
  if (path == "/api/v1/targets")
    return with_text(200, json_type, targets_json(board_.all(), options_.interval_seconds));
  if (path == "/api/v1/report") {
    const auto all = board_.since(0, target);
    if (all.empty()) return error(target.empty() ? 503 : 404, target.empty() ? "no report yet" : "no such target");
    if (all.size() > 1) return error(400, "several targets: choose one with ?target=, see /api/v1/targets");
    return with_text(200, json_type, all.front().report);
  }
  if (path == "/api/v1/events") {
    Reply r;
    r.live = true;
    r.only_target = target;
    const auto& id = ask.last_event_id;
    std::from_chars(id.data(), id.data() + id.size(), r.after);
    r.headers.emplace_back("Content-Type", "text/event-stream; charset=utf-8");
    r.headers.emplace_back("Cache-Control", "no-store");
    r.headers.emplace_back("X-Accel-Buffering", "no");
    return r;
  }
  return error(404, "nothing here");
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
