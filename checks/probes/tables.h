// Tables that are large, hot, or of unknown size; cut on the server, so that 50,000 tables stay cheap.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct Table {
  std::string database = {}, schema = {}, relation = {};
  std::string name = {};  // schema-qualified, quoted where it must be
  std::int64_t oid = 0;
  std::string owner = {};
  std::string kind = {};                           // r, m, p (partitioned)
  std::string parent = {};                         // of a partition: the topmost parent's name; "" otherwise
  std::vector<std::string> partition_key = {};     // its columns, quoted where they must be
  std::vector<std::string> subpartition_key = {};  // of its partitions that are partitioned again
  std::vector<std::string> hash_key = {};          // those of both by whose hash it is partitioned
  std::int64_t heap_bytes = 0, toast_bytes = 0;    // from relpages
  bool size_known = true;  // false: relpages says nothing, or grew far beyond it (see table_sizes)
  std::optional<std::int64_t> known_bytes = {};  // heap and TOAST; none where the size is not known
  std::optional<double> rows = {};               // reltuples; none when unknown
  std::int64_t usable_indexes = 0;               // valid and ready
  std::int64_t invalid_indexes = 0;
  std::int64_t seq_scans = 0;      // counts every parallel participant: never rate this
  std::int64_t seq_rows_read = 0;  // counted when the statement ends, also when it is cancelled
  std::int64_t index_scans = 0;
  std::int64_t rows_inserted = 0, rows_updated = 0, rows_deleted = 0, live_rows = 0, dead_rows = 0;
  std::int64_t changed_rows = 0;            // inserted, updated and deleted since the last ANALYZE
  std::optional<double> last_analyze = {};  // epoch seconds, by hand or by autovacuum
  bool autovacuum_off = false;              // by a setting of the table, or of its TOAST

  std::int64_t size() const { return heap_bytes + toast_bytes; }
  // Nearly all of it is dead rows: its size says little about what is in it.
  bool nearly_all_dead() const {
    return dead_rows >= 1000 && dead_rows >= 10 * live_rows && rows && static_cast<double>(dead_rows) >= *rows / 2;
  }
};

extern const Probe<Table> tables;
std::vector<Column<Table>> table_columns();  // shared with plan_tables
std::string given_tables_sql();              // CTEs ending in chosen(oid): the tables of oids $1
std::string named_relations_sql();           // the same, for schemas $1 and relations $2 (text arrays of one length)
std::string table_facts_sql();               // the rest of the statement: one row for each of chosen
std::string table_key(const Table& t);
std::vector<Request> same_tables(const Input& in);  // reads the tables last seen once more, without choosing anew

}  // namespace pgvigil
