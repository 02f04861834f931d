// SQLite, as far as the store needs it: errors are exceptions with one line, statements free themselves.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace pgvigil {

class SqliteError : public std::runtime_error {
 public:
  SqliteError(int code_, const std::string& message) : std::runtime_error(message), code(code_) {}
  bool damaged() const;  // the file's content is wrong, not the disk or the rights
  bool full() const;     // no room: on the disk, or within the file's bound
  int code;              // SQLite's primary result code
};

class Sqlite {
 public:
  enum class Open : std::uint8_t {
    create,  // read and write; the file is made when it is missing, for its owner alone
    read,    // beside a writer
    as_is,   // read a file that nobody writes, in a place where nothing can be written
  };
  Sqlite(const std::string& path, Open how);

  void run(const std::string& sql);             // statements without rows
  std::int64_t number(const std::string& sql);  // the first cell; 0 without a row
  std::int64_t last_id() const;

  // A prepared statement. bind() from 1 on; while (next()) ...; reset by the next bind(1, ...).
  class Query {
   public:
    Query(Sqlite& in, std::string_view sql);
    Query& bind(int place, std::int64_t value);
    Query& bind(int place, std::string_view text);
    Query& blob(int place, std::string_view bytes);
    bool next();
    void once();  // next() without a row, and ready for the next
    std::int64_t number(int column) const;
    std::string bytes(int column) const;

   private:
    void check(int code) const;
    struct Finish {
      void operator()(sqlite3_stmt* s) const;
    };
    sqlite3* db_;
    std::unique_ptr<sqlite3_stmt, Finish> statement_;
  };

  // BEGIN IMMEDIATE; rolled back unless commit() was called.
  class Transaction {
   public:
    explicit Transaction(Sqlite& in);
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    void commit();

   private:
    Sqlite& in_;
    bool open_ = true;
  };

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  std::unique_ptr<sqlite3, Close> db_;
};

}  // namespace pgvigil
