// A probe says what we ask: the SQL by server version (or a source on the host), the typed rows that come
// back, and the raw metrics made from them. The shell asks; nothing here does I/O.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "checks/time.h"

namespace pgvigil {

class Input;

using Cell = std::optional<std::string>;  // a value in PostgreSQL's text form; nullopt is NULL

// An answer as the server sends it, and as a saved observation keeps it.
struct Sheet {
  std::vector<std::string> columns;
  std::vector<std::vector<Cell>> rows;
};

// Typed rows behind one face, so that metrics, the save file and the contract test need no templates.
class Rows {
 public:
  virtual ~Rows() = default;
  virtual std::size_t size() const = 0;
  virtual Cell cell(std::size_t row, std::size_t column) const = 0;
  virtual std::optional<double> number(std::size_t row, std::size_t column) const = 0;  // bool: 0 or 1
};
using RowsPtr = std::shared_ptr<const Rows>;

// Why something could not be seen. `mend` is the GRANT, setting or action that cures it; "" when none is known.
struct Failure {
  std::string database = {};
  std::string sqlstate = {};  // PostgreSQL's, or PGV01 client deadline, PGV02 bad answer, PGV03 not asked, PGV04 host
  std::string message = {};
  std::string mend = {};
};

// One probe's answer. Rows and failures may stand together: one database answered, another did not.
struct Answer {
  Time at{};
  RowsPtr rows = nullptr;
  std::vector<Failure> failures = {};
  double seconds = 0;  // what it cost, as wall time between request and answer
};

enum class Scope : std::uint8_t {
  server,    // asked once, on the first connection
  database,  // asked in each database; the SQL itself returns current_database() as "database"
  explain,   // the shell's EXPLAIN of foreign text, one request each
  host,      // procfs and cgroup
};
enum class Cadence : std::uint8_t { sample, cycle, sweep, slow, diagnose };  // 1 s, 10 s, 60 s, 10 min, one-shot only

struct VersionedSql {
  int from_version_num;  // 130000; the highest one not above the server's wins
  std::string_view text;
};

// A request of a second-wave probe: its SQL with these parameters ($1..$n, all text), or a foreign text to EXPLAIN.
// Of a server-scope probe, the database is "": the one the first connection lives in.
struct Request {
  std::string database = {};
  std::vector<std::string> parameters = {};
  std::string query_id = {};     // explain: which query
  std::string text = {};         // explain: its text; the shell prefers the one with literals where it holds it
  std::string user = {};         // explain: whose search_path to try
  std::string search_path = {};  // as in postgresql.conf; explain: instead of the user's. "": pg_catalog alone
  std::vector<std::string> schemas = {};        // explain: searched before that path
  std::vector<std::string> other_schemas = {};  // explain: searched as well where that path does not hold a relation
  std::vector<Cell> values = {};                // explain: sample values of $1..$n
  std::string sql = {};  // our own text, where identifiers differ by request; always quoted. "": the probe's
};

enum class MetricKind : std::uint8_t { gauge, counter };

struct MetricLabel {
  std::string_view name, column;
};

// A raw metric: one series per set of labels. Rows with equal labels are added up; a row whose value is none gives
// no series.
struct Metric {
  std::string_view name, help;
  MetricKind kind;
  std::string_view value;  // column; "" exports the number 1 per row
  std::vector<MetricLabel> labels;
  double scale = 1;  // to base units
};

struct ColumnInfo {
  std::string_view name;
  int since = 0;  // first server version that has it; older servers leave the field at its default
};

class DecodeError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct ProbeAbout {
  std::string_view id;     // file stem
  std::string_view title;  // "Sessions that are not idle"
  Scope scope = Scope::server;
  Cadence cadence = Cadence::cycle;
  Milliseconds timeout{400};           // statement_timeout of one request
  std::vector<VersionedSql> sql = {};  // none for host and explain
  // Asked only in a database that has this extension; "{extension_schema}" in the SQL stands for its quoted schema.
  std::string_view requires_extension = {};
  std::string_view on_denied = {};  // the mend when the server says 42501
  // False: the server would refuse, so it is not asked (its log stays clean); the answer is the failure 42501.
  bool (*askable)(const Input&) = nullptr;
  bool slow = false;  // never in the flight of the first connection
  std::vector<Metric> metrics = {};
  std::vector<Request> (*plan)(const Input&) = nullptr;  // second wave: what to ask, from what was seen
  int wave = 1;                                          // 1: needs nothing; n: its plan reads waves below n
  // Of a database: $1 is an array of the oids that this probe has found there a moment before.
  std::string_view given = {};
};

class AnyProbe {
 public:
  explicit AnyProbe(ProbeAbout about) : about_(std::move(about)) {}
  virtual ~AnyProbe() = default;
  AnyProbe(const AnyProbe&) = delete;
  AnyProbe& operator=(const AnyProbe&) = delete;

  const ProbeAbout& about() const { return about_; }
  std::string_view id() const { return about_.id; }
  // The SQL for a server of this version; "" when the server is older than the oldest text.
  std::string_view sql(int version_num) const;
  std::size_t column(std::string_view name) const;  // index; throws std::out_of_range with the name

  virtual std::vector<ColumnInfo> columns() const = 0;
  // Throws DecodeError naming the column: missing, NULL where the field has none, or not of its type.
  // Columns that the server's version does not have yet keep the field's default.
  virtual RowsPtr decode(const Sheet& sheet, int version_num) const = 0;
  Sheet encode(const Rows& rows) const;

 private:
  ProbeAbout about_;
};

template <class Row>
struct Column {
  using Member = std::variant<bool Row::*, std::int64_t Row::*, double Row::*, std::string Row::*,
                              std::optional<std::int64_t> Row::*, std::optional<double> Row::*,
                              std::vector<std::int64_t> Row::*, std::vector<std::string> Row::*>;
  std::string_view name;
  Member member;
  int since = 0;
};

// Text cell to field and back; one definition for the server's answer, the save file and the tests.
void decode_cell(const Cell& cell, bool& out);
void decode_cell(const Cell& cell, std::int64_t& out);
void decode_cell(const Cell& cell, double& out);
void decode_cell(const Cell& cell, std::string& out);  // NULL becomes ""; invalid UTF-8 becomes U+FFFD
void decode_cell(const Cell& cell, std::optional<std::int64_t>& out);
void decode_cell(const Cell& cell, std::optional<double>& out);
void decode_cell(const Cell& cell, std::vector<std::int64_t>& out);  // {1,2}; NULL becomes empty
void decode_cell(const Cell& cell, std::vector<std::string>& out);   // {a,"b c"}; NULL becomes empty, an element too
Cell encode_cell(bool v);
Cell encode_cell(std::int64_t v);
Cell encode_cell(double v);
Cell encode_cell(const std::string& v);
Cell encode_cell(const std::optional<std::int64_t>& v);
Cell encode_cell(const std::optional<double>& v);
Cell encode_cell(const std::vector<std::int64_t>& v);
Cell encode_cell(const std::vector<std::string>& v);

template <class Row>
class RowsOf final : public Rows {
 public:
  RowsOf(const std::vector<Column<Row>>* columns, std::vector<Row> all, std::string (*key)(const Row&))
      : rows(std::move(all)), columns_(columns) {
    if (key != nullptr)
      for (std::size_t i = 0; i < rows.size(); ++i) by_key_.emplace(key(rows[i]), i);
  }
  std::size_t size() const override { return rows.size(); }
  Cell cell(std::size_t row, std::size_t column) const override {
    return std::visit([&](auto m) { return encode_cell(rows[row].*m); }, (*columns_)[column].member);
  }
  std::optional<double> number(std::size_t row, std::size_t column) const override;
  const Row* find(const std::string& key) const {
    const auto it = by_key_.find(key);
    return it == by_key_.end() ? nullptr : &rows[it->second];
  }

  std::vector<Row> rows;

 private:
  const std::vector<Column<Row>>* columns_;
  std::unordered_map<std::string, std::size_t> by_key_;
};

template <class Row>
class Probe final : public AnyProbe {
 public:
  Probe(ProbeAbout about, std::vector<Column<Row>> columns, std::string (*key_of)(const Row&) = nullptr)
      : AnyProbe(std::move(about)), columns_(std::move(columns)), key_(key_of) {}

  std::vector<ColumnInfo> columns() const override {
    std::vector<ColumnInfo> all;
    for (const auto& c : columns_) all.push_back({c.name, c.since});
    return all;
  }
  RowsPtr decode(const Sheet& sheet, int version_num) const override;
  RowsPtr rows(std::vector<Row> all) const {
    return std::make_shared<const RowsOf<Row>>(&columns_, std::move(all), key_);
  }
  std::string key(const Row& row) const { return key_ == nullptr ? std::string() : key_(row); }

 private:
  std::vector<Column<Row>> columns_;
  std::string (*key_)(const Row&);
};

// Instead of a server's version: a sheet that an earlier pgvigil may have saved. What it did not ask keeps its default.
constexpr int as_saved = -1;
// Where each of a probe's columns stands in a sheet; SIZE_MAX for one the server is too old for. Throws DecodeError.
std::vector<std::size_t> place_columns(const AnyProbe& probe, const Sheet& sheet, int version_num);

template <class Row>
RowsPtr Probe<Row>::decode(const Sheet& sheet, int version_num) const {
  const auto place = place_columns(*this, sheet, version_num);
  std::vector<Row> all(sheet.rows.size());
  for (std::size_t r = 0; r < all.size(); ++r) {
    if (sheet.rows[r].size() != sheet.columns.size())
      throw DecodeError("probe " + std::string(id()) + ": a row is cut short");
    for (std::size_t c = 0; c < columns_.size(); ++c)
      if (place[c] != SIZE_MAX) {
        try {
          std::visit([&](auto m) { decode_cell(sheet.rows[r][place[c]], all[r].*m); }, columns_[c].member);
        } catch (const DecodeError& e) {
          throw DecodeError("probe " + std::string(id()) + ", column " + std::string(columns_[c].name) + ": " +
                            e.what());
        }
      }
  }
  return rows(std::move(all));
}

template <class Row>
std::optional<double> RowsOf<Row>::number(std::size_t row, std::size_t column) const {
  return std::visit(
      [&](auto m) -> std::optional<double> {
        using T = std::decay_t<decltype(rows[row].*m)>;
        if constexpr (std::is_arithmetic_v<T>)
          return static_cast<double>(rows[row].*m);
        else if constexpr (std::is_same_v<T, std::optional<std::int64_t>> || std::is_same_v<T, std::optional<double>>) {
          if (rows[row].*m) return static_cast<double>(*(rows[row].*m));
          return std::nullopt;
        } else
          return std::nullopt;
      },
      (*columns_)[column].member);
}

// All probes, in the order of their file names; the table is generated by CMake.
const std::vector<const AnyProbe*>& all_probes();
const AnyProbe* find_probe(std::string_view id);

}  // namespace pgvigil
