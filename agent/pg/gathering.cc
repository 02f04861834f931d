// From the server's sheets to answers: one per probe, whatever the number of databases.
#include <algorithm>

#include "agent/pg/now.h"
#include "agent/pg/target_impl.h"

namespace pgvigil {

Failure failure_of(const ConnectError& error, std::string database) {
  std::string state = error.sqlstate;
  if (state.empty()) state = error.kind == ConnectError::Kind::timeout ? "PGV01" : "08001";
  return {std::move(database), std::move(state), error.message, error.hint};
}

Gathering::Part& Gathering::part(const AnyProbe& probe) {
  Part& p = parts_[std::string(probe.id())];
  p.probe = &probe;
  return p;
}

void Gathering::fail(const AnyProbe& probe, Failure failure) {
  Part& p = part(probe);
  p.at = utc_now();
  failure.database = pg::one_line(failure.database);
  p.failures.push_back(std::move(failure));
}

void Gathering::nothing(const AnyProbe& probe) {
  Part& p = part(probe);
  p.at = utc_now();
  p.sheet.emplace();
  for (const ColumnInfo& c : probe.columns()) p.sheet->columns.emplace_back(c.name);
}

bool Gathering::has_failed(const AnyProbe& probe, const std::string& database, std::string_view sqlstate) const {
  const auto it = parts_.find(probe.id());
  return it != parts_.end() &&
         std::any_of(it->second.failures.begin(), it->second.failures.end(),
                     [&](const Failure& f) { return f.database == database && f.sqlstate == sqlstate; });
}

void Gathering::add(const AnyProbe& probe, pg::Outcome outcome, const std::string& database) {
  Part& p = part(probe);
  p.at = utc_now();
  p.seconds += outcome.seconds;
  if (!outcome.ok) {
    const std::string mend = outcome.sqlstate == "42501" ? std::string(probe.about().on_denied) : std::string();
    p.failures.push_back({pg::one_line(database), outcome.sqlstate, outcome.message, mend});
    return;
  }
  if (!p.sheet) {
    p.sheet = std::move(outcome.sheet);
  } else if (p.sheet->columns == outcome.sheet.columns) {
    std::move(outcome.sheet.rows.begin(), outcome.sheet.rows.end(), std::back_inserter(p.sheet->rows));
  } else {
    p.failures.push_back({pg::one_line(database), "PGV02", "the columns differ from those of another database", {}});
  }
}

Observation Gathering::finish(int version_num, pg::QueryTexts& texts) {
  Observation seen{utc_now(), {}};
  for (auto& [id, p] : parts_) {
    Answer answer{p.at, nullptr, std::move(p.failures), p.seconds};
    if (p.sheet) {
      try {
        if (p.probe->about().scope != Scope::explain) texts.clean(*p.sheet);
        answer.rows = p.probe->decode(*p.sheet, version_num);
      } catch (const std::exception& e) {
        answer.failures.push_back({{}, "PGV02", pg::one_line(e.what()), {}});
      }
    }
    seen.answers.emplace(id, std::move(answer));
  }
  return seen;
}

std::variant<pg::Ask, Failure> question(const AnyProbe& probe, const pg::Lane& lane, int version_num,
                                        const std::string& database, Milliseconds lock_timeout,
                                        const Request& request) {
  const ProbeAbout& about = probe.about();
  pg::Ask ask;
  ask.sql = request.sql.empty() ? std::string(probe.sql(version_num)) : request.sql;
  ask.parameters = request.parameters;
  ask.timeout = about.timeout;
  ask.lock_timeout = lock_timeout;
  ask.raw_bytes = about.scope == Scope::server;
  if (!request.search_path.empty()) ask.search_path = request.search_path;
  if (ask.sql.empty()) return Failure{database, "PGV06", "this server's version does not have it", {}};
  if (!about.requires_extension.empty()) {
    const std::string name(about.requires_extension);
    const auto schema = lane.extension_schema(name);
    if (!schema)
      return Failure{database, "PGV03", "the extension " + name + " is not installed in database " + database,
                     "CREATE EXTENSION " + name + ";"};
    ask.search_path = "pg_catalog, " + *schema;
    constexpr std::string_view place = "{extension_schema}";
    for (std::size_t at = 0; (at = ask.sql.find(place, at)) != std::string::npos; at += schema->size())
      ask.sql.replace(at, place.size(), *schema);
  }
  return ask;
}

}  // namespace pgvigil
