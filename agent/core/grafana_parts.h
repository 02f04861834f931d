// What a board is made of: panels as values, and the board that lays them out and writes Grafana's JSON.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "agent/core/known_metrics.h"

namespace pgvigil::grafana {

using Json = nlohmann::ordered_json;

struct Query {
  std::string expr;         // metrics bare or with their own matchers: those of the variables are added
  std::string legend = {};  // "{{target}}"
  bool limit = false;       // a dashed line: what the others are held against
};

struct Link {
  std::string title, url;
};

// A column of a table: a label, or "Value" ("Value #B" where there are several queries).
struct Column {
  std::string field;
  std::string title = {};  // "": the field's name
  std::string unit = {};
  Json mappings = {};  // of values to words and colours
  std::vector<Link> links = {};
  int width = 0;  // pixels; 0: what is left
};

enum class Shape { stat, lines, stacked, states, table };

struct Panel {
  Shape shape = Shape::lines;
  std::string title;
  std::string says;       // what it answers; the help of its metrics is put behind it
  std::string unit = {};  // Grafana's id of it
  std::vector<Query> queries;
  int width = 8, height = 7;             // of 24 columns; a row is 38 pixels high
  std::vector<std::string> checks = {};  // whose pages it links to
  bool empty_when_healthy = false;
  Json mappings = {};
  std::vector<Column> columns = {};      // of a table, from the left; what is not named is not shown
  std::vector<std::string> hidden = {};  // fields of the answer that are no columns; Time always is one
  std::string sort_by = {};              // field
  bool ascending = false;
};

class Board {
 public:
  Board(const Catalog& catalog, std::string uid, std::string title, std::string description, std::string refresh);
  // To the right of the one before, or at the left of the next row where it does not fit.
  void add(const Panel& panel);
  std::string json() const;

 private:
  using Used = std::map<std::string, const KnownMetric*>;
  std::string expression(const std::string& expr, Used* used = nullptr) const;
  Json targets(const Panel& panel, Used& used) const;
  Json links(const Panel& panel) const;
  Json variables() const;
  Json annotations() const;

  const Catalog& catalog_;
  std::map<std::string, KnownMetric, std::less<>> known_;
  Json board_;
  int x_ = 0, y_ = 0, row_height_ = 0, id_ = 0;
};

Json severities();                                                             // verdicts and their colours, by number
Json severity_words();                                                         // the same, by name
Json titles_of(const Catalog& catalog);                                        // of checks, by id
Json yes_no(const std::string& yes, const std::string& no, bool yes_is_good);  // of 1 and 0
Link runbook_of_row();                                                         // of a table with a column `check`
Link agent_page_of_row();                                                      // of a table with a column `target`
Link incident_of_row();                                                        // the same: the board of that target

std::string incident_board(const Catalog& catalog);
std::string queries_board(const Catalog& catalog);
std::string fleet_board(const Catalog& catalog);
std::string agent_board(const Catalog& catalog);

}  // namespace pgvigil::grafana
