#include "agent/store/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

namespace pgvigil {
namespace {

constexpr int busy_ms = 2000;  // another reader's or agent's lock

[[noreturn]] void fail(sqlite3* db, int code) {
  const int primary = code & 0xFF;
  const std::string text = db == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db);
  throw SqliteError(primary, text);
}

// What a URI must not take for itself.
std::string as_uri(const std::string& path) {
  std::string out = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      static constexpr char hex[] = "0123456789ABCDEF";
      out += {'%', hex[static_cast<unsigned char>(c) >> 4], hex[static_cast<unsigned char>(c) & 15]};
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

bool SqliteError::damaged() const { return code == SQLITE_CORRUPT || code == SQLITE_NOTADB; }
bool SqliteError::full() const { return code == SQLITE_FULL; }

void Sqlite::Close::operator()(sqlite3* db) const { sqlite3_close_v2(db); }
void Sqlite::Query::Finish::operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }

Sqlite::Sqlite(const std::string& path, Open how) {
  if (how == Open::create) {  // SQLite itself would make it readable by all
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) ::close(fd);
  }
  const int flags = how == Open::create ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  sqlite3* db = nullptr;
  const std::string uri = as_uri(path) + (how == Open::as_is ? "?immutable=1" : "");
  const int code = sqlite3_open_v2(uri.c_str(), &db, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, nullptr);
  db_.reset(db);
  if (code != SQLITE_OK) fail(db, code);
  sqlite3_busy_timeout(db, busy_ms);
}

void Sqlite::run(const std::string& sql) {
  const int code = sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(db_.get(), code);
}

std::int64_t Sqlite::number(const std::string& sql) {
  Query q(*this, sql);
  return q.next() ? q.number(0) : 0;
}

std::int64_t Sqlite::last_id() const { return sqlite3_last_insert_rowid(db_.get()); }

Sqlite::Query::Query(Sqlite& in, std::string_view sql) : db_(in.db_.get()) {
  sqlite3_stmt* s = nullptr;
  check(sqlite3_prepare_v2(db_, sql.data(), static_cast<int>(sql.size()), &s, nullptr));
  statement_.reset(s);
}

void Sqlite::Query::check(int code) const {
  if (code != SQLITE_OK) fail(db_, code);
}

Sqlite::Query& Sqlite::Query::bind(int place, std::int64_t value) {
  if (place == 1) sqlite3_reset(statement_.get());
  check(sqlite3_bind_int64(statement_.get(), place, value));
  return *this;
}

Sqlite::Query& Sqlite::Query::bind(int place, std::string_view text) {
  if (place == 1) sqlite3_reset(statement_.get());
  check(sqlite3_bind_text(statement_.get(), place, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT));
  return *this;
}

Sqlite::Query& Sqlite::Query::blob(int place, std::string_view bytes) {
  check(sqlite3_bind_blob64(statement_.get(), place, bytes.data(), bytes.size(), SQLITE_TRANSIENT));
  return *this;
}

bool Sqlite::Query::next() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  sqlite3_reset(statement_.get());
  if (code != SQLITE_DONE) fail(db_, code);
  return false;
}

void Sqlite::Query::once() {
  while (next()) {
  }
}

std::int64_t Sqlite::Query::number(int column) const { return sqlite3_column_int64(statement_.get(), column); }

std::string Sqlite::Query::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr ? std::string() : std::string(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

Sqlite::Transaction::Transaction(Sqlite& in) : in_(in) { in_.run("BEGIN IMMEDIATE"); }

Sqlite::Transaction::~Transaction() {
  if (!open_) return;
  try {
    in_.run("ROLLBACK");
  } catch (const SqliteError&) {  // an error may have rolled it back already
  }
}

void Sqlite::Transaction::commit() {
  in_.run("COMMIT");
  open_ = false;
}

}  // namespace pgvigil
