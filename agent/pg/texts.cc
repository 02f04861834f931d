#include "agent/pg/texts.h"

#include <algorithm>

#include "checks/plans/sql.h"

namespace pgvigil::pg {
namespace {

constexpr std::size_t kNone = SIZE_MAX;

std::size_t column(const Sheet& sheet, std::string_view name) {
  const auto it = std::find(sheet.columns.begin(), sheet.columns.end(), name);
  return it == sheet.columns.end() ? kNone : static_cast<std::size_t>(it - sheet.columns.begin());
}

std::string place(const std::string& database, const std::string& query_id) { return query_id + '/' + database; }

}  // namespace

const QueryTexts::Clean& QueryTexts::normalise(const std::string& raw) {
  if (const Clean* seen = known_.find(raw)) return *seen;
  sql::Normalised n = sql::normalise(raw);
  return *known_.put(raw, {std::move(n.text), std::move(n.fingerprint), n.parsed}, 2 * raw.size());
}

// A function's body becomes its statements, one row each.
void QueryTexts::take_apart(Sheet& sheet) {
  const std::size_t body = column(sheet, "body"), language = column(sheet, "language");
  const std::size_t names = column(sheet, "argument_names"), types = column(sheet, "argument_types");
  const std::size_t trigger = column(sheet, "trigger"), query = column(sheet, "query"), id = column(sheet, "query_id");
  const std::size_t fingerprint = column(sheet, "fingerprint"), name = column(sheet, "function_name");
  for (const std::size_t needed : {name, body, language, names, types, trigger, query, id, fingerprint})
    if (needed == kNone) return;
  std::vector<std::vector<Cell>> rows;
  for (const auto& row : sheet.rows) {
    sql::Routine routine;
    decode_cell(row[name], routine.name);
    decode_cell(row[body], routine.body);
    decode_cell(row[language], routine.language);
    decode_cell(row[names], routine.argument_names);
    decode_cell(row[types], routine.argument_types);
    routine.trigger = row[trigger] && !row[trigger]->empty();
    const std::string key = routine.name + '\n' + row[types].value_or("") + '\n' + routine.body;
    const auto* statements = bodies_.find(key);  // the same body is not parsed every few minutes
    if (statements == nullptr) statements = bodies_.put(key, sql::embedded(routine), 2 * key.size());
    int n = 0;
    for (const sql::Embedded& e : *statements) {
      rows.push_back(row);
      rows.back()[id] = row[id].value_or("") + "." + std::to_string(++n);
      rows.back()[query] = e.text;
      rows.back()[fingerprint] = e.fingerprint;
      rows.back()[body].reset();
    }
  }
  sheet.rows = std::move(rows);
}

void QueryTexts::clean(Sheet& sheet) {
  take_apart(sheet);
  const std::size_t id = column(sheet, "query_id"), database = column(sheet, "database");
  const std::size_t text = column(sheet, "query") == kNone ? column(sheet, "text") : column(sheet, "query");
  const std::size_t truncated = column(sheet, "truncated"), type = column(sheet, "backend_type");
  const std::size_t fingerprint = column(sheet, "fingerprint");
  if (id == kNone || text == kNone) return;
  for (auto& row : sheet.rows) {
    if (!row[text] || row[text]->empty() || row[text]->starts_with("<insufficient privilege>")) continue;
    std::string raw;
    decode_cell(row[text], raw);
    const Clean& clean = normalise(raw);
    const bool client = type == kNone || row[type] == "client backend" || row[type] == "parallel worker";
    if (client && (!row[id] || row[id]->empty()) && !clean.fingerprint.empty()) row[id] = "f" + clean.fingerprint;
    row[text] = clean.text;
    if (fingerprint != kNone && (!row[fingerprint] || row[fingerprint]->empty())) row[fingerprint] = clean.fingerprint;
    const bool whole = truncated != kNone && row[truncated] == "f";
    if (whole && client && clean.parsed && clean.text != raw && row[id] && database != kNone && row[database])
      raw_.put(place(*row[database], *row[id]), raw, raw.size());
  }
}

std::optional<std::string> QueryTexts::with_literals(const std::string& database, const std::string& query_id) {
  if (query_id.empty()) return std::nullopt;
  const std::string* raw = raw_.find(place(database, query_id));
  return raw == nullptr ? std::nullopt : std::optional<std::string>(*raw);
}

}  // namespace pgvigil::pg
