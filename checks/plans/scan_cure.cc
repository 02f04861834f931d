// What every finding about a scanned table shares: evidence and cure.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "checks/plans/role_settings.h"
#include "checks/plans/scans.h"
#include "checks/probes/duplicates.h"
#include "checks/probes/server_settings.h"
#include "checks/server_setting.h"
#include "checks/words.h"

namespace pgvigil {

bool read_by_utility(const Input& in, const KnownTable& table, double seconds) {
  for (const auto& sample : in.series(activity, seconds))
    for (const Session& s : sample.rows) {
      if (s.database != table.table.database || s.query.empty()) continue;
      if (s.application == "pg_dump" || s.application == "pg_restore") return true;
      if (s.query.find(table.table.relation) != std::string::npos &&
          (s.backend_type == "autovacuum worker" || sql::kind(s.query) == sql::Kind::utility))
        return true;
    }
  return false;
}

std::vector<Evidence> about(const KnownTable& known) {
  const Table& t = known.table;
  std::vector<Evidence> all{
      {"size", fmt::format("{} heap, {} TOAST, {}", words::bytes(static_cast<double>(t.heap_bytes)),
                           words::bytes(static_cast<double>(t.toast_bytes)),
                           t.rows ? words::count(*t.rows) + " rows" : "row count unknown: never analysed")}};
  std::vector<std::string> names;
  for (const Index& i : known.indexes) {
    std::vector<std::string> columns;
    for (const std::string& c : i.columns) columns.push_back(c.empty() ? "an expression" : c);
    names.push_back(fmt::format("{} ({}){}{}", i.name, fmt::join(columns, ", "), i.has_predicate ? " partial" : "",
                                i.is_valid && i.is_ready ? "" : " INVALID"));
  }
  all.push_back({"indexes", !names.empty()          ? words::list(names, 8)
                            : t.usable_indexes == 0 ? "none"
                                                    : words::count(static_cast<double>(t.usable_indexes))});
  return all;
}

namespace {

std::string lower(std::string s) {
  std::transform(s.begin(), s.end(), s.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return s;
}

std::string longest_word(const std::string& text) {
  std::string longest, word;
  for (const char c : text + " ") {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') {
      word += c;
      continue;
    }
    if (word.size() > longest.size()) longest = word;
    word.clear();
  }
  return longest;
}

// By what the statements of these sessions are known again. What reads a table through a view, a function, a trigger or
// a foreign key does not name it.
std::vector<std::string> words_of(const Input& in, const std::string& table, const std::vector<std::int64_t>& pids) {
  std::vector<std::string> all;
  for (const Session& s : in.now(activity)) {
    if (std::find(pids.begin(), pids.end(), s.pid) == pids.end() || s.query.empty()) continue;
    std::string word = lower(s.query).find(lower(table)) != std::string::npos ? table : longest_word(s.query);
    if (!word.empty() && std::find(all.begin(), all.end(), word) == all.end()) all.push_back(std::move(word));
  }
  return all;
}

// Planner settings are taken back where they are set: the narrowest place counts. What a session has set for itself, or
// a file that an operator writes, is not ours to change.
std::vector<Remedy> settings_back(const Input& in, const IndexAdvice& advice, const QueryLoad& q) {
  Remedy back{Remedy::Kind::cure, "let the planner use the index again", {}};
  for (const std::string& name : advice.settings) {
    const ServerSetting* narrowest = setting_for(in, name, q.user, q.database);
    if (narrowest == nullptr || (narrowest->scope == "server" && narrowest->file != "postgresql.auto.conf")) continue;
    Step step = change_setting(*narrowest, std::nullopt, q.database);
    step.title = fmt::format("take {} = {}{} back", name, in_words(*narrowest), owner_of(*narrowest));
    step.undo = change_setting(*narrowest, in_words(*narrowest), q.database).sql;
    step.caution = "somebody set it on purpose: ask first";
    if (narrowest->scope != "server") step.caution += "; sessions that are open keep it until they connect again";
    step.load_relieved = q.sessions;
    back.steps.push_back(std::move(step));
  }
  return back.steps.empty() ? std::vector<Remedy>() : std::vector<Remedy>{std::move(back)};
}

}  // namespace

std::vector<Remedy> cure_of(const Input& in, const KnownTable& table, const IndexAdvice& advice, double relieved,
                            std::vector<std::int64_t> pids) {
  CureRequest r;
  r.table = &table.table;
  r.advice = advice;
  r.columns = table.columns;
  r.existing = table.indexes;
  std::optional<Server> own;  // whoever builds it has the limits of the owner
  for (const Server& s : in.now(server)) own = with_settings_of(s, in, table.table.owner, table.table.database);
  r.server = own ? &*own : nullptr;
  r.load = relieved;
  r.words = words_of(in, table.table.relation, pids);
  r.pids = std::move(pids);
  for (const Duplicates& d : in.now(duplicates))
    if (d.database == table.table.database && d.table == table.table.name &&
        std::is_permutation(d.columns.begin(), d.columns.end(), advice.columns.begin(), advice.columns.end()))
      r.duplicates = &d;
  return cure(r);
}

std::vector<Remedy> cure_of(const Input& in, const KnownTable& table, const TableReader& reader, double relieved,
                            std::vector<std::int64_t> pids) {
  if (reader.parts.empty()) {
    std::vector<Remedy> all = cure_of(in, table, reader.advice, relieved, std::move(pids));
    for (Remedy& r : settings_back(in, reader.advice, reader.query)) all.push_back(std::move(r));
    return all;
  }
  std::vector<Remedy> all;
  for (const KnownTable* part : reader.parts)
    for (Remedy& r :
         cure_of(in, *part, reader.advice, relieved, part == reader.parts.front() ? pids : decltype(pids)()))
      all.push_back(std::move(r));
  return all;
}

}  // namespace pgvigil
