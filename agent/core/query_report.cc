#include "agent/core/query_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "checks/plans/preflight.h"
#include "checks/plans/scans.h"
#include "checks/probes/foreign_servers.h"
#include "checks/probes/hypothetical_plans.h"
#include "checks/probes/plans.h"

namespace pgvigil {
namespace {

constexpr std::int64_t floor_bytes = 10LL << 20;

bool worse(const TableReader& a, const TableReader& b) {
  const auto order = [](ScanVerdict v) { return v == ScanVerdict::harmful ? 0 : v == ScanVerdict::unsure ? 1 : 2; };
  if (a.verdict != b.verdict) return order(a.verdict) < order(b.verdict);
  const double read_a = a.scan ? a.scan->bytes_read : 0, read_b = b.scan ? b.scan->bytes_read : 0;
  if (a.advice.creates() != b.advice.creates()) return a.advice.creates();
  // What is looked up for the first rows in order waits for these.
  const bool first_a = a.scan && a.scan->first > 0, first_b = b.scan && b.scan->first > 0;
  if (first_a != first_b) return first_a;
  return read_a > read_b;
}

// A gain in cost below 5 refutes nothing: default estimates and TOAST hide gains of 10 to 10,000 in pages.
void tried(QueryReport& report, const Plan& before, const Plan& after) {
  const PlanTree with = parse_plan(after.json);
  bool used = false;
  each_node(with.root, [&](const PlanNode& n, int) { used = used || n.index.starts_with("<"); });  // HypoPG's names
  if (!used) return;  // of an expression it has no statistics: that refutes nothing either
  report.cure.cost_before = parse_plan(before.json).root.total_cost;
  report.cure.cost_after = with.root.total_cost;
  report.cure.verified = "hypopg";
}

std::vector<std::string> statements(const std::vector<Remedy>& remedies) {
  std::vector<std::string> all;
  for (const Remedy& r : remedies)
    for (const Step& s : r.steps)
      if (const auto at = s.sql.find("CREATE ");
          r.kind == Remedy::Kind::cure && s.straight_path && at != std::string::npos)
        all.push_back(s.sql.substr(at));
  return all;
}

}  // namespace

QueryReport report_on_query(const Input& in, const std::string& name) {
  QueryReport report;
  const Plan* plan = nullptr;
  for (const Plan& p : in.now(plans))
    if (p.name == name) plan = &p;
  const auto& answers = in.history().series(plans);
  const std::vector<Failure> failures = answers.empty() ? std::vector<Failure>() : answers.back().failures;
  if (plan == nullptr) {
    report.error = !failures.empty()
                       ? failures.front()
                       : Failure{.sqlstate = "PGV03", .message = "not explained: the server was not asked"};
    return report;
  }
  report.database = plan->database;
  report.query_id = plan->query_id;
  report.query = plan->query;
  report.source = plan->source;
  report.rewritten = plan->rewritten;
  report.plan_json = plan->json;
  if (plan->json.empty()) {
    report.error = Failure{plan->database, plan->sqlstate, plan->error, ""};
    report.refused = plan->reason;
    for (const Failure& f : failures)
      if (f.sqlstate == plan->sqlstate) report.error->mend = f.mend;
    return report;
  }

  const Catalogue catalogue(in);
  const auto read = read_tables(in, catalogue, Load{}, floor_bytes);
  std::vector<std::pair<const KnownTable*, const TableReader*>> readers;
  for (const ReadTable& t : read)
    for (const TableReader& r : t.readers)
      if (r.scan) readers.emplace_back(t.known, &r);
  std::stable_sort(readers.begin(), readers.end(),
                   [](const auto& a, const auto& b) { return worse(*a.second, *b.second); });
  for (const auto& [known, r] : readers) {
    QueryScan s{*r->scan, known->table.name, "", r->advice.why_not, r->inside};
    s.scan.verdict = r->verdict;
    s.scan.confidence = r->confidence;
    if (r->advice.kind == IndexAdvice::Kind::create)
      s.cure = fmt::format("{} {}", fmt::join(index_places(*known, *r), ", "), r->advice.definition());
    report.scans.push_back(std::move(s));
  }
  if (readers.empty()) {
    const std::string elsewhere = spent_elsewhere(in, *plan);
    report.reason = elsewhere.empty() ? "it reads no table sequentially" : "it waits for " + elsewhere;
    return report;
  }
  const auto& [known, worst] = readers.front();
  report.verdict = worst->verdict;
  report.confidence = worst->confidence;
  report.object = known->table.name;
  report.reason = worst->scan->reason + (worst->inside.empty() ? "" : ", in " + worst->inside);
  if (worst->verdict == ScanVerdict::rightful) return report;

  const IndexAdvice& advice = worst->advice;
  report.cure.why = advice.why_not;
  report.cure.none = to_string(advice.obstacle);
  if (advice.kind == IndexAdvice::Kind::create) {
    for (const std::string& place : index_places(*known, *worst)) {
      report.cure.definitions.push_back(place + " " + advice.definition());
      for (const IndexAdvice& other : advice.beside)
        if (other.creates()) report.cure.definitions.push_back(place + " " + other.definition());
    }
  }
  report.remedies = cure_of(in, *known, *worst, 0, {});
  std::vector<Remedy*> remedies;
  for (Remedy& r : report.remedies) remedies.push_back(&r);
  preflight(in, remedies);
  if (advice.kind == IndexAdvice::Kind::create && advice.rows_found) {
    // Pages: a row may lie in a page of its own, and each look-up goes down the index.
    const double before = worst->scan->bytes_read / 8192;
    const double after = std::min(static_cast<double>(known->table.heap_bytes) / 8192, *advice.rows_found + 3) *
                         std::max(1.0, worst->scan->loops);
    if (after <= before / 5) {
      report.cure.verified = "statistics";
      report.cure.pages_before = before;
      report.cure.pages_after = after;
    }
  }
  for (const Plan& p : in.now(hypothetical_plans))
    if (p.name == name && !p.json.empty() && advice.kind == IndexAdvice::Kind::create) tried(report, *plan, p);
  if (advice.kind == IndexAdvice::Kind::create) report.cure.indexes = statements(report.remedies);
  return report;
}

}  // namespace pgvigil
