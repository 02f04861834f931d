#include "agent/core/schedule.h"

#include <algorithm>
#include <map>

#include "checks/load.h"
#include "checks/probes/server.h"
#include "checks/probes/tables.h"
#include "checks/probes/timeouts.h"

namespace pgvigil {

std::vector<const AnyProbe*> probes_of(Scope scope, std::initializer_list<Cadence> cadences) {
  std::vector<const AnyProbe*> some;
  for (const AnyProbe* p : all_probes())
    if (p->about().scope == scope && p->about().wave == 1 &&
        std::find(cadences.begin(), cadences.end(), p->about().cadence) != cadences.end())
      some.push_back(p);
  return some;
}

std::vector<const AnyProbe*> askable(const std::vector<const AnyProbe*>& probes, const History& history,
                                     const Context& context, Time at, Observation& refusals) {
  static const CheckSettings none;
  const Input in(history, context, none, at);
  std::vector<const AnyProbe*> some;
  refusals.at = at;
  for (const AnyProbe* p : probes) {
    const ProbeAbout& about = p->about();
    if (about.askable == nullptr || about.askable(in))
      some.push_back(p);
    else
      refusals.answers[std::string(p->id())] =
          Answer{at,
                 nullptr,
                 {{.sqlstate = "42501", .message = "permission denied", .mend = std::string(about.on_denied)}},
                 0};
  }
  return some;
}

Wave plan_wave(int wave, const History& history, const Context& context, Time at) {
  static const CheckSettings none;
  const Input in(history, context, none, at);
  Wave all;
  for (const AnyProbe* p : all_probes()) {
    const ProbeAbout& about = p->about();
    if (about.wave != wave || about.plan == nullptr) continue;
    if (about.cadence == Cadence::diagnose && !context.one_shot) continue;
    if (auto requests = about.plan(in); !requests.empty()) all.emplace_back(p, std::move(requests));
  }
  return all;
}

int last_wave() {
  int last = 1;
  for (const AnyProbe* p : all_probes()) last = std::max(last, p->about().wave);
  return last;
}

namespace {
// What moves within seconds; the rest are facts.
bool moves(const AnyProbe& p) {
  const auto& metrics = p.about().metrics;
  return p.about().cadence == Cadence::sample || p.about().cadence == Cadence::cycle ||
         std::any_of(metrics.begin(), metrics.end(), [](const Metric& m) { return m.kind == MetricKind::counter; });
}
}  // namespace

SecondReading second_reading(const std::vector<const AnyProbe*>& probes, const History& history, const Context& context,
                             Time at) {
  constexpr double dear = 0.1;  // seconds
  static const CheckSettings none;
  SecondReading again;
  for (const AnyProbe* p : probes) {
    const Answer* first = history.latest(*p);
    if (!moves(*p) || (first != nullptr && p == &tables && first->rows)) continue;
    if (first != nullptr && p->about().scope == Scope::database && first->seconds > dear) continue;
    again.probes.push_back(p);
  }
  if (auto requests = same_tables(Input(history, context, none, at)); !requests.empty())
    again.tables.emplace_back(&tables, std::move(requests));
  return again;
}

Observation unanswered(const std::vector<const AnyProbe*>& asked, const History& history, Time at) {
  Observation o{at, {}};
  for (const AnyProbe* p : asked)
    if (history.latest(*p) == nullptr)
      o.answers[std::string(p->id())] =
          Answer{at, nullptr, {{.sqlstate = "PGV01", .message = "no answer within the time given to look"}}, 0};
  return o;
}

std::string busiest_database(const History& history, const Context& context, const std::string& home, Time at) {
  static const CheckSettings none;
  std::map<std::string, double> sessions;
  for (const QueryLoad& q : load(Input(history, context, none, at), 30).queries) sessions[q.database] += q.sessions;
  const auto busiest = std::max_element(sessions.begin(), sessions.end(),
                                        [](const auto& a, const auto& b) { return a.second < b.second; });
  if (busiest == sessions.end() || busiest->first.empty() || busiest->first == home) return "";
  return busiest->second >= 1 && busiest->second >= 2 * sessions[home] ? busiest->first : "";
}

bool load_jumped(const History& history, const Context& context, Time at) {
  static const CheckSettings none;
  const Input in(history, context, none, at);
  const auto samples = in.series(activity, 60);
  if (samples.size() < 2) return false;
  const auto active = [](const Snapshot<Session>& s) {
    return static_cast<double>(std::count_if(s.rows.begin(), s.rows.end(), is_active));
  };
  const double now = std::min(active(samples.back()), active(samples[samples.size() - 2]));
  double past = 0;
  for (std::size_t i = 0; i + 2 < samples.size(); ++i) past += active(samples[i]);
  if (samples.size() > 2) past /= static_cast<double>(samples.size() - 2);
  return now >= vcpus(in).value_or(2) && now >= 2 * past + 1;
}

bool settings_moved(const History& history, const Context& context, Time at) {
  static const CheckSettings none;
  const Input in(history, context, none, at);
  const Answer* read = history.latest(timeouts);
  if (read == nullptr || in.now(server).empty()) return false;
  std::optional<std::int64_t> then;
  for (const auto& answer : in.series(server, history.keep_seconds))
    if (answer.at <= read->at && !answer.rows.empty()) then = answer.rows.front().settings_digest;
  return then && *then != in.now(server).front().settings_digest;
}

}  // namespace pgvigil
