#include "agent/core/json_parts.h"

#include "agent/core/text.h"

namespace pgvigil::json {
namespace {

template <class E>
std::string word(E e) {
  return std::string(to_string(e));
}

Json preflight(const Preflight& p) {
  return {{"outcome", word(p.outcome)},
          {"phrase", p.phrase},
          {"items", list(p.items, [](const Preflight::Item& i) {
             return Json{{"what", i.what}, {"outcome", word(i.outcome)}, {"figure", i.figure}, {"todo", i.todo}};
           })}};
}

Json step(const Step& s) {
  return {{"title", s.title},
          {"database", s.database},
          {"run_as", s.run_as},
          {"sql", s.sql},
          {"relief", s.relief},
          {"duration", s.duration},
          {"lock", s.lock},
          {"undo", s.undo},
          {"caution", s.caution},
          {"load_relieved", s.load_relieved},
          {"minutes", s.minutes},
          {"straight_path", s.straight_path},
          {"preflight", s.preflight ? preflight(*s.preflight) : Json()}};
}

}  // namespace

Json time(const std::optional<Time>& t) { return t ? Json(rfc3339(*t)) : Json(); }

Json object(const Object& o) { return {{"kind", o.kind}, {"name", o.name}, {"database", o.database}}; }

Json remedy(const Remedy& r) {
  return {{"kind", word(r.kind)}, {"summary", r.summary}, {"steps", list(r.steps, step)}};
}

Json finding(const Finding& f) {
  return {{"check", f.check},
          {"role", word(f.role)},
          {"severity", word(f.severity)},
          {"act_by", word(f.act_by)},
          {"object", object(f.object)},
          {"sentence", f.sentence},
          {"confidence", word(f.confidence)},
          {"basis", f.basis},
          {"load", f.load},
          {"since", time(f.since)},
          {"evidence", list(f.evidence,
                            [](const Evidence& e) {
                              return Json{{"what", e.what}, {"value", e.value}};
                            })},
          {"remedies", list(f.remedies, remedy)},
          {"tables", f.tables},
          {"queries", f.queries},
          {"sessions", f.sessions}};
}

}  // namespace pgvigil::json
