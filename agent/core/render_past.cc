#include "agent/core/render_past.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "agent/core/json_parts.h"
#include "agent/core/text.h"
#include "agent/core/text_page.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

using json::Json;

constexpr std::size_t shown = 5;

std::vector<Part> mean_parts(const std::vector<Minute>& all, std::vector<Part> Minute::*which) {
  std::map<std::string, double> sums;
  for (const Minute& m : all)
    for (const Part& p : m.*which) sums[p.name] += p.sessions / static_cast<double>(all.size());
  std::vector<Part> out;
  for (const auto& [name, sessions] : sums) out.push_back({name, sessions});
  std::stable_sort(out.begin(), out.end(), [](const Part& a, const Part& b) { return a.sessions > b.sessions; });
  return out;
}

std::string parts_in_words(const std::vector<Part>& all, double active) {
  std::vector<std::string> words;
  for (const Part& p : all)
    if (p.sessions > 0 && words.size() < shown)
      words.push_back(fmt::format("{} {}", p.name.empty() ? "(none)" : words::one_line(p.name, 63),
                                  words::share(active > 0 ? p.sessions / active : 0)));
  return fmt::format("{}", fmt::join(words, ", "));
}

std::string moment_in_words(const Moment& m) {
  return fmt::format("{}: {} {}{}", utc(m.at), m.kind, m.check,
                     m.sentence.empty() ? "" : ": " + words::one_line(m.sentence, 300));
}

Json parts_json(const std::vector<Part>& all) {
  return json::list(all, [](const Part& p) { return Json{{"name", p.name}, {"sessions", p.sessions}}; });
}

}  // namespace

Minute mean_of(const std::vector<Minute>& all) {
  Minute out;
  if (all.empty()) return out;
  const double each = 1.0 / static_cast<double>(all.size());
  out.at = all.front().at;
  std::map<std::tuple<std::string, std::string, std::string>, Minute::Query> queries;
  for (const Minute& m : all) {
    out.seconds += m.seconds;
    out.samples += m.samples;
    out.active += m.active * each;
    for (std::size_t i = 0; i < std::size(out.by); ++i) out.by[i] += m.by[i] * each;
    for (const auto& q : m.queries) {
      auto& sum = queries[{q.query_id.empty() ? q.query : q.query_id, q.database, q.user}];
      const double sessions = sum.sessions + q.sessions * each;
      sum = q;
      sum.sessions = sessions;
    }
    if (m.verdict && (!out.verdict || *m.verdict >= *out.verdict)) {
      out.verdict = m.verdict;
      out.headline = m.headline;
    }
    out.reachable = m.reachable;
    for (const auto which : {&Minute::connections, &Minute::connections_max, &Minute::cpu})
      if (m.*which) out.*which = std::max((out.*which).value_or(0), *(m.*which));
  }
  for (auto& [key, q] : queries) out.queries.push_back(std::move(q));
  std::stable_sort(out.queries.begin(), out.queries.end(),
                   [](const auto& a, const auto& b) { return a.sessions > b.sessions; });
  out.waits = mean_parts(all, &Minute::waits), out.tables = mean_parts(all, &Minute::tables);
  out.users = mean_parts(all, &Minute::users), out.applications = mean_parts(all, &Minute::applications);
  return out;
}

std::vector<Moment> open_at(const std::vector<Moment>& moments, Time at) {
  std::map<std::string, Moment> open;
  for (const Moment& m : moments) {
    if (m.at > at || m.key.empty()) continue;
    if (m.kind == "resolved")
      open.erase(m.key);
    else
      open[m.key] = m;
  }
  std::vector<Moment> out;
  for (auto& [key, m] : open) out.push_back(std::move(m));
  std::stable_sort(out.begin(), out.end(), [](const Moment& a, const Moment& b) { return a.started < b.started; });
  return out;
}

std::string render_minutes_text(const MinutesPast& p, const TextOptions& options) {
  Page page(options);
  const Minute all = mean_of(p.minutes);
  const Minute& then = p.last();
  page.paragraph("PAST  ", 6, p.past);
  const Severity verdict = then.verdict.value_or(Severity::info);
  page.paragraph((then.verdict ? page.alarm(to_string(verdict), verdict) : std::string("UNKNOWN")) + "  ", 10,
                 p.target + ": " + (then.headline.empty() ? "nothing was judged then" : then.headline));
  page.paragraph("  ", 2,
                 "only the load and the verdict of each minute are kept from then" +
                     (p.in_full ? "; observations in full from " + utc(*p.in_full) + " on" : std::string()));
  page.blank();
  const double active = all.active;
  page.paragraph(
      "  LOAD    ", 10,
      fmt::format("{:.1f} active sessions{} on average from {} to {}: {:.1f} running, {:.1f} waiting for locks, "
                  "{:.1f} for I/O, {:.1f} for the client, {:.1f} for something else; {:.1f} in the last minute",
                  active, p.vcpus ? fmt::format(" on {:g} vCPU", *p.vcpus) : "", utc_minute(p.minutes.front().at),
                  utc_minute(then.at + std::chrono::minutes(1)), all.by[0], all.by[1], all.by[2], all.by[3], all.by[4],
                  then.active));
  std::string use = all.cpu ? fmt::format("CPU {} busy at most", words::share(*all.cpu)) : std::string("CPU unknown");
  if (all.connections && all.connections_max)
    use += fmt::format(", connections {:.0f} of {:.0f} at most", *all.connections, *all.connections_max);
  page.paragraph("  USE     ", 10, use);
  for (const auto& [label, parts] : {std::pair("  WAITS   ", &all.waits),
                                     {"  TABLES  ", &all.tables},
                                     {"  USERS   ", &all.users},
                                     {"  FROM    ", &all.applications}})
    if (!parts->empty()) page.paragraph(label, 10, parts_in_words(*parts, active));
  if (!all.queries.empty()) page.heading("QUERIES", "(by share of the load)");
  for (std::size_t i = 0; i < std::min(shown, all.queries.size()); ++i) {
    const auto& q = all.queries[i];
    page.paragraph("    ", 6,
                   fmt::format("{} {} ({} in {})", words::share(active > 0 ? q.sessions / active : 0),
                               words::one_line(q.query.empty() ? q.query_id : q.query, 300), q.user, q.database));
  }
  if (const auto open = open_at(p.moments, p.at); !open.empty()) {
    page.heading("INCIDENTS", "(open then)");
    for (const Moment& m : open)
      page.paragraph("    ", 6, fmt::format("since {}: {} ({})", utc(m.started), m.sentence, m.check));
  }
  std::vector<const Moment*> lately;
  for (const Moment& m : p.moments)
    if (m.at <= p.at && seconds_between(m.at, p.at) <= 7200) lately.push_back(&m);
  if (!lately.empty()) page.heading("BEFORE IT", "(two hours)");
  for (const Moment* m : lately) page.paragraph("    ", 6, moment_in_words(*m));
  return page.take();
}

std::string render_minutes_json(const MinutesPast& p, int indent) {
  const Minute all = mean_of(p.minutes);
  const Minute& then = p.last();
  Json out;
  out["schema"] = 1;
  out["target"] = p.target;
  out["at"] = rfc3339(p.at);
  out["past"] = p.past;
  out["only_minutes"] = true;
  out["verdict"] = then.verdict ? Json(std::string(to_string(*then.verdict))) : Json();
  out["headline"] = then.headline;
  out["reachable"] = then.reachable;
  out["in_full_from"] = p.in_full ? Json(rfc3339(*p.in_full)) : Json();
  out["minutes"] = json::list(p.minutes, [](const Minute& m) {
    return Json{{"at", rfc3339(m.at)},
                {"active", m.active},
                {"verdict", m.verdict ? Json(std::string(to_string(*m.verdict))) : Json()},
                {"headline", m.headline},
                {"cpu", m.cpu ? Json(*m.cpu) : Json()},
                {"connections", m.connections ? Json(*m.connections) : Json()}};
  });
  out["load"] = {{"active", all.active}, {"on_cpu", all.by[0]}, {"lock", all.by[1]},
                 {"io", all.by[2]},      {"client", all.by[3]}, {"other", all.by[4]}};
  out["waits"] = parts_json(all.waits);
  out["tables"] = parts_json(all.tables);
  out["users"] = parts_json(all.users);
  out["applications"] = parts_json(all.applications);
  out["queries"] = json::list(all.queries, [](const Minute::Query& q) {
    return Json{{"query_id", q.query_id},
                {"query", q.query},
                {"database", q.database},
                {"user", q.user},
                {"sessions", q.sessions}};
  });
  const auto moment = [](const Moment& m) {
    return Json{{"at", rfc3339(m.at)},     {"kind", m.kind},         {"check", m.check},
                {"object", m.object.name}, {"sentence", m.sentence}, {"started", rfc3339(m.started)}};
  };
  out["open"] = json::list(open_at(p.moments, p.at), moment);
  out["moments"] = json::list(p.moments, moment);
  return out.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace pgvigil
