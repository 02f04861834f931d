#include "agent/core/render_json.h"

#include <fmt/format.h>

#include "agent/core/json_parts.h"
#include "agent/core/text.h"

namespace pgvigil {
namespace {

using json::finding;
using json::Json;
using json::list;
using json::object;
using json::time;

Json figure(const std::optional<double>& v) { return v ? Json(*v) : Json(); }
template <class E>
std::string word(E e) {
  return std::string(to_string(e));
}

Json incident(const Incident& i) {
  return {{"severity", word(i.severity)},
          {"act_by", word(i.act_by)},
          {"explained", i.explained},
          {"load", i.load},
          {"share", i.share},
          {"since", time(i.since)},
          {"suspects", i.suspects},
          {"causes", list(i.causes, finding)},
          {"symptoms", list(i.symptoms, finding)},
          {"events", list(i.events, finding)}};
}

Json cause(const Finding& f) {
  return {{"check", f.check},
          {"object", f.object.name},
          {"database", f.object.database},
          {"severity", word(f.severity)},
          {"confidence", word(f.confidence)},
          {"sentence", f.sentence}};
}

Json causes(const Report& r) {
  Json out = Json::array();
  for (const Incident& i : r.incidents) {
    if (!i.explained) continue;  // a symptom leads it: its cause is not known
    for (const Finding& f : i.causes) out.push_back(cause(f));
  }
  return out;
}

Json check(const Result& r) {
  Json out{{"check", r.check->id}, {"title", r.check->title}};
  out["state"] = r.unknown ? "unknown" : r.findings.empty() ? "fine" : "found";
  out["findings"] = r.findings.size();
  out["figure"] = r.fine;
  out["sqlstate"] = r.unknown ? Json(r.unknown->sqlstate) : Json();
  out["why_unknown"] = r.unknown ? Json(r.unknown->message) : Json();
  out["mend"] = r.unknown ? Json(r.unknown->mend) : Json();
  return out;
}

Json load_line(const LoadLine& l) {
  return {
      {"active", l.active},
      {"on_cpu", l.on_cpu},
      {"lock", l.lock},
      {"io", l.io},
      {"client", l.client},
      {"other", l.other},
      {"vcpus", figure(l.vcpus)},
      {"seconds", l.seconds},
      {"samples", l.samples},
      {"top_wait", l.top_wait},
      {"tables", list(l.tables, [](const TableLoad& t) {
         return Json{{"database", t.database}, {"name", t.name}, {"sessions", t.sessions}, {"rows_read", t.rows_read}};
       })}};
}

Json cost(const OwnCost& c) {
  return {{"connections", c.connections},
          {"db_seconds", c.db_seconds},
          {"statements", c.statements},
          {"bytes", c.bytes},
          {"seconds", c.seconds}};
}

Json changes(const Changes& c) {
  Json all = list(c.all, [](const Change& one) {
    return Json{{"kind", one.kind},
                {"object", object(one.object)},
                {"sentence", one.sentence},
                {"before", one.before.empty() ? Json() : Json(one.before)},
                {"after", one.after.empty() ? Json() : Json(one.after)}};
  });
  return {{"since", rfc3339(c.since)}, {"all", std::move(all)}, {"not_compared", c.unknown}};
}

}  // namespace

std::string render_json(const Report& r, int indent) {
  Json out;
  out["schema"] = 1;
  out["target"] = r.target;
  out["at"] = rfc3339(r.at);
  out["reachable"] = r.reachable;
  out["version"] = r.version.empty() ? Json() : Json(r.version);
  out["in_recovery"] = r.in_recovery;
  out["verdict"] = word(r.verdict);
  out["partial"] = r.partial;
  out["headline"] = r.headline;
  out["reason"] = r.reason;
  out["causes"] = causes(r);
  out["incidents"] = list(r.incidents, incident);
  out["events"] = list(r.events, finding);
  out["posture"] = list(r.posture, finding);
  out["ruled_out"] = list(r.ruled_out, [](const RuledOut& o) {
    return Json{{"check", o.check}, {"title", o.title}, {"figure", o.figure}};
  });
  out["blind_spots"] = list(r.blind_spots, [](const BlindSpot& b) {
    return Json{{"what", b.what}, {"why", b.why}, {"mend", b.mend}, {"checks", b.checks}};
  });
  out["load"] = load_line(r.load);
  out["connections"] = Json{{"used", figure(r.connections_used)}, {"max", figure(r.connections_max)}};
  out["cpu"] = Json{{"busy", figure(r.cpu_busy)}, {"source", r.cpu_source}};
  out["harm"] = r.harm;
  out["cost"] = cost(r.cost);
  out["past"] = r.past.empty() ? Json() : Json(r.past);
  out["changes"] = r.changes ? changes(*r.changes) : Json();
  out["checks"] = list(r.results, check);
  return out.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace pgvigil
