#include "checks/queries_timing_out_examples.h"

#include <cmath>

#include "checks/probes/activity.h"
#include "checks/probes/databases.h"
#include "checks/probes/statements.h"

namespace pgvigil::timing_out {

Scenario readers(const std::vector<Readers>& groups, std::vector<Timeout> limits, std::int64_t rollbacks_per_second,
                 double seconds, double gap, double seldom) {
  Scenario out;
  for (double ago = seconds; ago >= 0; ago -= ago > seldom ? 2 * gap : gap) {
    const double t = 1'000'000 - ago;
    std::vector<Session> all;
    for (const Readers& group : groups)
      for (int i = 0; i < group.clients; ++i) {
        const double age = std::fmod(t + 0.37 * i, group.life);
        Session s;
        s.pid = 100 + static_cast<std::int64_t>(all.size());
        s.database = "shop";
        s.user = "app";
        s.backend_type = "client backend";
        s.state = "active";
        s.query_id = "42";
        s.query = "SELECT data FROM docs WHERE id = $1";
        s.query_age = age;
        s.query_start = std::round((t - age) * 1000);
        all.push_back(s);
      }
    Database d;
    d.name = "shop";
    d.rollbacks = static_cast<std::int64_t>((seconds - ago) * static_cast<double>(rollbacks_per_second));
    out.saw(ago, activity, all).saw(ago, databases, {d});
  }
  out.saw(0, timeouts, std::move(limits));
  return out;
}

Timeout limit(const char* layer, const char* role, double seconds) {
  Timeout t;
  t.setting = "statement_timeout";
  t.layer = layer;
  t.role = role;
  t.seconds = seconds;
  return t;
}

Scenario counted(double life, std::int64_t calls, double total_seconds) {
  Scenario out = readers({{12, life}}, {limit("server", "", 0)}, 50);
  out.saw(30, statements,
          {{.query_id = "42", .database = "shop", .user = "app", .calls = 1000, .total_seconds = 2000}});
  return out.saw(0, statements,
                 {{.query_id = "42",
                   .database = "shop",
                   .user = "app",
                   .calls = 1000 + calls,
                   .total_seconds = 2000 + total_seconds}});
}

Scenario counted_once(double mean, bool one_shot) {
  Scenario out = readers({{12, 5}}, {limit("server", "", 0)}, 50);
  out.context.one_shot = one_shot;
  return out.saw(0, statements,
                 {{.query_id = "42", .database = "shop", .user = "app", .calls = 100, .total_seconds = 100 * mean}});
}

Scenario rolled_back_elsewhere() {
  Scenario out = readers({{12, 5}}, {limit("server", "", 0)}, 0);
  for (int ago = 30; ago >= 0; --ago)
    out.saw(ago, databases, {{.name = "shop"}, {.name = "blog", .rollbacks = (30 - ago) * 50}});
  return out;
}

Scenario in_bursts(std::int64_t rollbacks) {
  Scenario out;
  out.context.one_shot = true;
  for (int tenth = 40; tenth >= 0; --tenth) {
    const double ago = 0.1 * tenth;
    std::vector<Session> all;
    for (int i = 0; i < 14; ++i) {
      const double ends = i < 12 ? 2.95 : 0.65, begins = ends + 5;
      Session s{.pid = 100 + i, .database = "shop", .user = "app"};
      s.backend_type = "client backend";
      s.state = ago > ends ? "active" : "idle";
      s.query_id = "42", s.query = "SELECT data FROM docs WHERE id = $1";
      s.query_age = begins - ago, s.query_start = 1000 * (1'000'000 - begins);
      all.push_back(s);
    }
    out.saw(ago, activity, all);
  }
  out.saw(1.4, databases, {{.name = "shop"}}).saw(0, databases, {{.name = "shop", .rollbacks = rollbacks}});
  return out.saw(0, timeouts, {limit("server", "", 0)});
}

Scenario read_seldom() {
  Scenario out = readers({{12, 5}}, {limit("server", "", 0)}, 0), seldom;
  seldom.context.intervals.cycle = 60;
  for (const auto& sample : out.history.series(activity))
    seldom.saw(seconds_between(sample.at, out.at), activity, static_cast<const RowsOf<Session>&>(*sample.rows).rows);
  seldom.saw(150, databases, {{.name = "shop"}}).saw(90, databases, {{.name = "shop", .rollbacks = 10}});
  return seldom.saw(0, timeouts, {limit("server", "", 0)});
}

Scenario lowered() {
  const Scenario longer = readers({{12, 2.3}}, {limit("server", "", 0)}, 0, 60);
  const Scenario cut = readers({{12, 1}}, {limit("role", "app", 1)}, 10, 30);
  Scenario out;
  for (const Scenario* s : {&longer, &cut}) {
    for (const auto& sample : s->history.series(activity))
      if (const double ago = seconds_between(sample.at, s->at); s == &cut || ago > 30)
        out.saw(ago, activity, static_cast<const RowsOf<Session>&>(*sample.rows).rows);
    if (s == &longer) out.saw(31, databases, {{.name = "shop"}}).saw(31, timeouts, {limit("server", "", 0)});
  }
  for (const auto& reading : cut.history.series(databases))
    out.saw(seconds_between(reading.at, cut.at), databases, static_cast<const RowsOf<Database>&>(*reading.rows).rows);
  return out.saw(0, timeouts, {limit("role", "app", 1)});
}

Scenario gives_up() {
  Scenario out = readers({{12, 5}}, {limit("server", "", 0)}, 2);
  Scenario waiting;
  for (const auto& sample : out.history.series(activity)) {
    std::vector<Session> all = static_cast<const RowsOf<Session>&>(*sample.rows).rows;
    for (Session& s : all) s.wait_event_type = "Lock";
    waiting.saw(seconds_between(sample.at, out.at), activity, all);
  }
  for (const auto& answer : out.history.series(databases))
    waiting.saw(seconds_between(answer.at, out.at), databases, static_cast<const RowsOf<Database>&>(*answer.rows).rows);
  Timeout t = limit("role", "app", 5);
  t.setting = "lock_timeout";
  return waiting.saw(0, timeouts, {t, limit("server", "", 0)});
}

Scenario late(int clients) {
  Scenario out = readers({{clients, 5}, {1, 8}}, {limit("server", "", 0)}, 50);
  out.context.vcpus = 2;
  return out;
}

Scenario at_the_brink(bool one_shot) {
  Scenario out = readers({{5, 700}}, {limit("server", "", 500)}, 0, 4);
  out.context.one_shot = one_shot;
  return out;
}

}  // namespace pgvigil::timing_out
