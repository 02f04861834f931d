#include "agent/store/alerts_file.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include "agent/core/recording.h"
#include "agent/store/compress.h"
#include "agent/store/directory.h"

namespace pgvigil {
namespace {

constexpr double remembered = 7 * 86400.0;  // seconds after a silence's end

constexpr const char* schema_sql = R"sql(
CREATE TABLE outbox (id INTEGER PRIMARY KEY, receiver TEXT NOT NULL, edge_id TEXT NOT NULL, key TEXT NOT NULL,
                     edge INTEGER NOT NULL, title TEXT NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL,
                     UNIQUE (receiver, edge_id));
CREATE TABLE state (target TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE silence (id TEXT PRIMARY KEY, until INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
)sql";

std::int64_t millis(Time t) { return t.time_since_epoch().count(); }

std::string prepared(const std::string& directory) {
  make_directory(directory);
  const std::string path = directory + "/" + AlertsFile::name;
  make_file_for_owner_of(directory, path);
  return path;
}

}  // namespace

AlertsFile::AlertsFile(const std::string& directory)
    : path_(prepared(directory)), db_(path_, Sqlite::Open::create), identity_(path_) {
  const std::int64_t version = db_.number("PRAGMA user_version");
  if (version > schema)
    throw SqliteError(SQLITE_SCHEMA,
                      fmt::format("it has form {}, this pgvigil reads form {}: a newer one wrote it", version, schema));
  db_.run("PRAGMA journal_mode = WAL");
  // What fires is on the disk before anybody hears of it.
  db_.run("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 1048576; PRAGMA temp_store = MEMORY");
  db_.run("PRAGMA max_page_count = 16384");  // 64 MiB
  if (version == 0) {
    Sqlite::Transaction t(db_);
    if (db_.number("PRAGMA user_version") == 0) {  // two may begin at once
      db_.run(schema_sql);
      db_.run(fmt::format("PRAGMA user_version = {}", schema));
    }
    t.commit();
  } else {
    Sqlite::Query check(db_, "PRAGMA quick_check(1)");
    if (check.next() && check.bytes(0) != "ok") throw SqliteError(SQLITE_CORRUPT, check.bytes(0));
  }
}

bool AlertsFile::there() const { return identity_ == FileIdentity(path_); }

void AlertsFile::keep(const std::string& target, const std::string& state, const std::vector<Delivery>& deliveries) {
  Sqlite::Transaction t(db_);
  if (state.empty())
    Sqlite::Query(db_, "DELETE FROM state WHERE target = ?1").bind(1, target).once();
  else
    Sqlite::Query(db_, "INSERT OR REPLACE INTO state (target, body) VALUES (?1, ?2)")
        .bind(1, target)
        .blob(2, compressed(state))
        .once();
  for (const Delivery& d : deliveries)
    Sqlite::Query(db_,
                  "INSERT OR IGNORE INTO outbox (receiver, edge_id, key, edge, title, at, body) "
                  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
        .bind(1, d.receiver)
        .bind(2, d.id)
        .bind(3, d.key)
        .bind(4, static_cast<std::int64_t>(d.edge))
        .bind(5, d.title)
        .bind(6, millis(d.at))
        .blob(7, compressed(d.payload))
        .once();
  t.commit();
}

void AlertsFile::settled(const std::string& receiver, const std::string& id) {
  Sqlite::Query(db_, "DELETE FROM outbox WHERE receiver = ?1 AND edge_id = ?2").bind(1, receiver).bind(2, id).once();
}

std::size_t AlertsFile::make_room() {
  const std::int64_t over = db_.number("SELECT count(*) FROM outbox") - static_cast<std::int64_t>(most_waiting);
  if (over <= 0) return 0;
  Sqlite::Query(db_, "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY edge = ?1 DESC, id LIMIT ?2)")
      .bind(1, static_cast<std::int64_t>(Notice::Edge::resolved))
      .bind(2, over)
      .once();
  return static_cast<std::size_t>(over);
}

std::vector<Delivery> AlertsFile::waiting() {
  std::vector<Delivery> all;
  Sqlite::Query q(db_, "SELECT receiver, edge_id, key, edge, title, at, body FROM outbox ORDER BY id");
  while (q.next()) {
    const auto body = decompressed(q.bytes(6));
    const std::int64_t edge = q.number(3);
    if (body && edge >= 0 && edge <= static_cast<std::int64_t>(Notice::Edge::note))
      all.push_back({q.bytes(0), q.bytes(1), q.bytes(2), static_cast<Notice::Edge>(edge), q.bytes(4), *body,
                     Time(Milliseconds(q.number(5)))});
  }
  return all;
}

std::map<std::string, std::string> AlertsFile::states() {
  std::map<std::string, std::string> all;
  Sqlite::Query q(db_, "SELECT target, body FROM state");
  while (q.next())
    if (auto body = decompressed(q.bytes(1))) all.emplace(q.bytes(0), std::move(*body));
  return all;
}

void AlertsFile::add(const Silence& s) {
  Sqlite::Query(db_, "INSERT OR REPLACE INTO silence (id, until, body) VALUES (?1, ?2, ?3)")
      .bind(1, s.id)
      .bind(2, millis(s.until))
      .bind(3, save_silence(s))
      .once();
}

bool AlertsFile::expire(const std::string& id, Time now) {
  for (Silence s : silences(now))
    if (s.id == id) {
      s.until = now;
      s.from = std::min(s.from, now);
      add(s);
      return true;
    }
  return false;
}

std::vector<Silence> AlertsFile::silences(Time now) {
  std::vector<Silence> all;
  Sqlite::Query q(db_, "SELECT body FROM silence WHERE until > ?1 ORDER BY until, id");
  q.bind(1, millis(now));
  while (q.next()) try {
      all.push_back(load_silence(q.bytes(0)));
    } catch (const BadRecording&) {  // nobody can say what it was to silence
    }
  const std::int64_t gone = millis(after(now, -remembered));
  if (db_.number(fmt::format("SELECT count(*) FROM silence WHERE until < {}", gone)) > 0)
    Sqlite::Query(db_, "DELETE FROM silence WHERE until < ?1").bind(1, gone).once();
  return all;
}

std::int64_t AlertsFile::version() { return db_.number("PRAGMA data_version"); }

}  // namespace pgvigil
