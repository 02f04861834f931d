#include <fmt/format.h>

#include "checks/check.h"
#include "checks/slots.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Seconds> warn{"warn", 30 * 60, "time to the last free connection below which it warns"};
constexpr Setting<Seconds> crit{"crit", 10 * 60, "time to the last free connection below which it is critical"};
constexpr Setting<Seconds> window{"window", 15 * 60, "how far back a straight line is looked for"};
constexpr Setting<Ratio> fit{"fit", 0.85, "how straight the line must be: r squared"};
constexpr Setting<Ratio> rise{"rise", 0.1, "share of all slots by which the count must have risen"};
constexpr Setting<Ratio> used{"used", 0.4, "share of all slots in use below which a rise is a pool warming up"};

struct Point {
  double at, n;
};  // seconds before now (negative), connections
struct Line {
  double slope = 0, r2 = 0, seconds = 0;
  std::size_t points = 0;
};

Line least_squares(std::span<const Point> points) {
  Line out;
  out.points = points.size();
  if (points.size() < 2) return out;
  out.seconds = points.back().at - points.front().at;
  double x = 0, y = 0, xx = 0, xy = 0, yy = 0;
  const double n = static_cast<double>(points.size());
  for (const Point& p : points) x += p.at / n, y += p.n / n;
  for (const Point& p : points) {
    xx += (p.at - x) * (p.at - x);
    xy += (p.at - x) * (p.n - y);
    yy += (p.n - y) * (p.n - y);
  }
  if (xx <= 0 || yy <= 0) return out;
  out.slope = xy / xx;
  out.r2 = xy * xy / (xx * yy);
  return out;
}

std::vector<Point> counts(const Input& in) {
  std::vector<Point> out;
  for (const auto& s : in.series(connections, in[window]))
    out.push_back({-seconds_between(s.at, in.at()), connections_used(s.rows)});
  return out;
}

// The rise may have begun a minute ago or ten: each span is tried, shortest first. It must go on to the end,
// for a step up to a new level is no rise.
std::optional<Line> rising(const Input& in, std::span<const Point> all, double slots) {
  for (const double span : {60.0, 120.0, 240.0, 480.0, in[window]}) {
    std::size_t first = 0;
    while (first < all.size() && all.back().at - all[first].at > span * 1.1) ++first;
    const auto points = all.subspan(first);
    const Line line = least_squares(points);
    const Line end = least_squares(points.subspan(points.size() / 2));
    if (line.points >= 5 && line.seconds >= 59 && line.slope > 0 && line.r2 >= in[fit] &&
        line.slope * line.seconds >= in[rise] * slots && end.slope >= line.slope / 2)
      return line;
  }
  return std::nullopt;
}

std::vector<Finding> evaluate(const Input& in) {
  if (in.context().one_shot) return {};  // it has seen no past to draw a line through
  const auto servers = in.now(server);
  const auto all = counts(in);
  if (servers.empty() || all.empty()) return {};
  const double slots = connection_slots(servers.front());
  const double now = all.back().n;
  const auto line = slots > 0 && now >= in[used] * slots ? rising(in, all, slots) : std::nullopt;
  if (!line) return {};
  const double left = std::max(0.0, slots - now) / line->slope;
  if (left >= in[warn]) return {};

  Finding f;
  f.role = Role::symptom;
  f.severity = left < in[crit] ? Severity::critical : Severity::warning;
  f.act_by = ActBy::now;
  f.object = {"server", in.context().target};
  f.sentence = left < 1 ? fmt::format("connections rose by {}/min until all {} were taken",
                                      words::number(line->slope * 60), words::count(slots))
                        : fmt::format("connections rise by {}/min: all {} are taken in about {}",
                                      words::number(line->slope * 60), words::count(slots), words::duration(left));
  f.evidence = {{"in use", fmt::format("{} of {}", words::count(now), words::count(slots))},
                {"risen by",
                 fmt::format("{} over {}", words::count(line->slope * line->seconds), words::duration(line->seconds))},
                {"full in", words::duration(left)}};
  f.confidence = line->r2 >= 0.95 ? Confidence::high : Confidence::medium;
  f.basis =
      fmt::format("a straight line through {} over {}, r squared {:.2f}",
                  words::counted(static_cast<double>(line->points), "count"), words::duration(line->seconds), line->r2);
  f.since = pgvigil::after(in.at(), all.back().at - line->seconds);
  return {std::move(f)};
}

std::string fine(const Input& in) {
  const auto all = counts(in);
  if (in.context().one_shot || all.size() < 5 || all.back().at - all.front().at < 59) return {};
  return fmt::format("no steady rise over {}: {} then, {} now", words::duration(all.back().at - all.front().at),
                     words::count(all.front().n), words::count(all.back().n));
}

// Every ten seconds, `start` at first and `step` more each time, until `last`.
Scenario climb(double start, double step, double last, int answers, bool one_shot = false) {
  Server s;
  s.max_connections = 100;
  s.superuser_reserved_connections = 3;
  Scenario out;
  out.context.one_shot = one_shot;
  for (int i = 0; i < answers; ++i) {
    ConnectionGroup g;
    g.user = "app";
    g.state = "active";
    g.count = static_cast<std::int64_t>(std::min(last, start + step * i));
    out.saw((answers - 1 - i) * 10, server, {s}).saw((answers - 1 - i) * 10, connections, {g});
  }
  return out;
}

}  // namespace

extern const Check connections_rising;
const Check connections_rising{
    .id = "connections_rising",
    .title = "Connections rise in a straight line",
    .why = "Requests arrive as always and leave late or never; the line says when the last slot is taken.",
    .role = Role::symptom,
    .reads = {server, connections},
    .settings = {warn, crit, window, fit, rise, used},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"one more each ten seconds, 47 left", [] { return climb(30, 1, 200, 21); }, {Severity::critical}},
                 {"one more each 40 seconds", [] { return climb(40, 0.25, 200, 61); }, {Severity::warning}},
                 {"a slow rise that lasts the day", [] { return climb(40, 0.12, 200, 91); }, {}},
                 {"a rise that has reached the pool's size", [] { return climb(30, 2, 60, 60); }, {}},
                 {"a pool that warms up", [] { return climb(4, 1, 200, 13); }, {}},
                 {"a level that moves a little", [] { return climb(50, 0, 50, 40); }, {}},
                 {"seen for the first time: nothing is claimed", [] { return climb(30, 1, 200, 21, true); }, {}}},
};

}  // namespace pgvigil
