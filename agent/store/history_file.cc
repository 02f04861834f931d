#include "agent/store/history_file.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>

#include "agent/store/compress.h"

namespace pgvigil {
namespace {

constexpr std::int64_t page = 4096;
constexpr std::int64_t journal_bytes = std::int64_t{1} << 20;  // of the WAL, after a checkpoint
constexpr double fill = 0.9, filled = 0.85;  // of the bound: from here on the oldest goes, down to there

constexpr const char* schema_sql = R"sql(
CREATE TABLE target (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, context TEXT NOT NULL);
CREATE TABLE raw (id INTEGER PRIMARY KEY, target INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL,
                  body BLOB NOT NULL);
CREATE INDEX raw_by_time ON raw (target, until);
CREATE TABLE minute (target INTEGER NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (target, at))
  WITHOUT ROWID;
CREATE TABLE moment (id INTEGER PRIMARY KEY, target INTEGER NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX moment_by_time ON moment (target, at);
)sql";

std::int64_t millis(Time t) { return t.time_since_epoch().count(); }
Time time(std::int64_t ms) { return Time(Milliseconds(ms)); }

std::int64_t bytes_of(const std::string& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0 ? static_cast<std::int64_t>(about.st_size) : 0;
}

void check_version(std::int64_t version) {
  if (version > HistoryFile::schema)
    throw SqliteError(SQLITE_SCHEMA, fmt::format("it has form {}, this pgvigil reads form {}: a newer one wrote it",
                                                 version, HistoryFile::schema));
}

}  // namespace

HistoryFile::HistoryFile(const std::string& directory, const HistoryLimits& limits)
    : path_(directory + "/" + name), limits_(limits), db_(path_, Sqlite::Open::create), identity_(path_) {
  const std::int64_t version = db_.number("PRAGMA user_version");
  check_version(version);
  db_.run(fmt::format("PRAGMA page_size = {}; PRAGMA auto_vacuum = INCREMENTAL", page));
  db_.run("PRAGMA journal_mode = WAL");
  // A crash of the machine may cost the last seconds, never the file.
  db_.run(fmt::format("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = {}; PRAGMA journal_size_limit = {}",
                      journal_bytes / page, journal_bytes));
  db_.run("PRAGMA cache_size = -1024; PRAGMA temp_store = MEMORY");
  if (version == 0) {
    Sqlite::Transaction t(db_);
    db_.run(schema_sql);
    db_.run(fmt::format("PRAGMA user_version = {}", schema));
    t.commit();
  } else {
    Sqlite::Query check(db_, "PRAGMA quick_check(1)");
    if (check.next() && check.bytes(0) != "ok") throw SqliteError(SQLITE_CORRUPT, check.bytes(0));
  }
  const std::int64_t room = std::max<std::int64_t>(limits_.max_bytes - 2 * journal_bytes, 64 * page);
  db_.run(fmt::format("PRAGMA max_page_count = {}", room / page));
  minute_bytes_ = db_.number("SELECT coalesce(sum(length(body)), 0) FROM minute");
}

bool HistoryFile::there() const { return identity_ == FileIdentity(path_); }

std::int64_t HistoryFile::size() const { return bytes_of(path_) + bytes_of(path_ + "-wal"); }

std::int64_t HistoryFile::target_id(const Context& context) {
  const std::string about = save_context(context);
  Sqlite::Query find(db_, "SELECT id, context FROM target WHERE name = ?1");
  find.bind(1, context.target);
  if (find.next()) {
    const std::int64_t id = find.number(0);
    if (find.bytes(1) != about)
      Sqlite::Query(db_, "UPDATE target SET context = ?1 WHERE id = ?2").bind(1, about).bind(2, id).once();
    return id;
  }
  Sqlite::Query(db_, "INSERT INTO target (name, context) VALUES (?1, ?2)")
      .bind(1, context.target)
      .bind(2, about)
      .once();
  return db_.last_id();
}

void HistoryFile::write_one(const Kept& k) {
  const std::int64_t target = target_id(k.context);
  if (!k.observations.empty()) {
    Time since = Time::max(), until = Time::min();
    for (const Observation& o : k.observations)
      for (const auto& [id, answer] : o.answers) since = std::min(since, answer.at), until = std::max(until, answer.at);
    if (since <= until)
      Sqlite::Query(db_, "INSERT INTO raw (target, since, until, body) VALUES (?1, ?2, ?3, ?4)")
          .bind(1, target)
          .bind(2, millis(since))
          .bind(3, millis(until))
          .blob(4, compressed(save_observations(k.observations)))
          .once();
  }
  for (const Minute& m : k.minutes) {
    const std::string body = compressed(save_minute(m));
    // Of a minute in which the agent was started again, the part that came first stays.
    Sqlite::Query(db_, "INSERT OR IGNORE INTO minute (target, at, body) VALUES (?1, ?2, ?3)")
        .bind(1, target)
        .bind(2, millis(m.at))
        .blob(3, body)
        .once();
    minute_bytes_ += static_cast<std::int64_t>(body.size());
  }
  for (const Moment& m : k.moments)
    Sqlite::Query(db_, "INSERT INTO moment (target, at, body) VALUES (?1, ?2, ?3)")
        .bind(1, target)
        .bind(2, millis(m.at))
        .bind(3, save_moment(m))
        .once();
}

void HistoryFile::write(const std::vector<Kept>& all, Time now) {
  make_room(now);
  const auto insert = [&] {
    Sqlite::Transaction t(db_);
    for (const Kept& k : all) write_one(k);
    t.commit();
  };
  try {
    insert();
  } catch (const SqliteError& e) {
    if (!e.full()) throw;
    db_.run("DELETE FROM raw WHERE id <= (SELECT (min(id) + max(id)) / 2 FROM raw)");
    insert();
  }
}

// By age, and by size: the oldest raw observations first; of minutes only what takes more than half of the room.
void HistoryFile::make_room(Time now) {
  const auto limit = static_cast<double>(db_.number("PRAGMA max_page_count"));
  const auto used = [&] {
    return static_cast<double>(db_.number("PRAGMA page_count") - db_.number("PRAGMA freelist_count"));
  };
  const auto remove = [&](const char* sql, std::int64_t bound) { Sqlite::Query(db_, sql).bind(1, bound).once(); };
  Sqlite::Transaction t(db_);
  remove("DELETE FROM raw WHERE id IN (SELECT id FROM raw WHERE until < ?1 ORDER BY id LIMIT 500)",
         millis(after(now, -limits_.keep)));
  const std::int64_t ancient = millis(after(now, -limits_.keep * HistoryLimits::minutes_longer));
  remove("DELETE FROM moment WHERE at < ?1", ancient);
  const double most_minutes = limit * page / 2;
  if (static_cast<double>(minute_bytes_) > most_minutes) {
    const std::int64_t first = db_.number("SELECT coalesce(min(at), 0) FROM minute");
    remove("DELETE FROM minute WHERE at < ?1", std::max(ancient, first + 24 * 3'600'000));
    minute_bytes_ = db_.number("SELECT coalesce(sum(length(body)), 0) FROM minute");
  } else {
    remove("DELETE FROM minute WHERE at < ?1", ancient);
  }
  if (used() > fill * limit)
    while (used() > filled * limit && db_.number("SELECT count(*) FROM (SELECT 1 FROM raw LIMIT 1)") > 0)
      db_.run("DELETE FROM raw WHERE id IN (SELECT id FROM raw ORDER BY id LIMIT 10)");
  t.commit();
  if (static_cast<double>(db_.number("PRAGMA page_count")) > limit) db_.run("PRAGMA incremental_vacuum");
}

HistoryReader::HistoryReader(const std::string& directory) {
  const std::string path = directory + "/" + HistoryFile::name;
  const auto open = [&](Sqlite::Open how) {
    db_ = std::make_unique<Sqlite>(path, how);
    return db_->number("PRAGMA user_version");
  };
  std::int64_t version = 0;
  try {
    version = open(Sqlite::Open::read);
  } catch (const SqliteError& e) {
    // The journal's index cannot be made here: then nobody writes here either.
    if (e.code != SQLITE_CANTOPEN && e.code != SQLITE_READONLY) throw;
    version = open(Sqlite::Open::as_is);
  }
  check_version(version);
  if (version == 0) throw SqliteError(SQLITE_NOTADB, "it holds no history");
}

std::string HistoryReader::body(Sqlite::Query& q, int column) {
  auto text = decompressed(q.bytes(column));
  if (!text) throw BadRecording("a record is damaged");
  return std::move(*text);
}

std::vector<HistoryReader::TargetInfo> HistoryReader::targets() {
  std::vector<TargetInfo> all;
  Sqlite::Query q(*db_, "SELECT id, name, context FROM target ORDER BY name");
  while (q.next()) {
    TargetInfo t{q.number(0), q.bytes(1), {}};
    try {
      t.context = load_context(q.bytes(2));
    } catch (const BadRecording&) {
      ++damaged_;
    }
    t.context.target = t.name;
    all.push_back(std::move(t));
  }
  return all;
}

HistoryReader::Span HistoryReader::raw(std::int64_t target) {
  Sqlite::Query q(*db_, "SELECT coalesce(min(until), 0), coalesce(max(until), 0) FROM raw WHERE target = ?1");
  q.bind(1, target).next();
  return {time(q.number(0)), time(q.number(1))};
}

HistoryReader::Span HistoryReader::minutes(std::int64_t target) {
  Sqlite::Query q(*db_, "SELECT coalesce(min(at), 0), coalesce(max(at), 0) FROM minute WHERE target = ?1");
  q.bind(1, target).next();
  return {time(q.number(0)), time(q.number(1))};
}

Time HistoryReader::last_before(std::int64_t target, Time at) {
  // A batch that began before and ended after holds one too.
  Sqlite::Query q(
      *db_,
      "SELECT coalesce(max(min(until, ?2)), 0) FROM (SELECT since, until FROM raw WHERE target = ?1 AND since <= ?2 "
      "ORDER BY until DESC LIMIT 4)");
  q.bind(1, target).bind(2, millis(at)).next();
  return time(q.number(0));
}

std::vector<Observation> HistoryReader::observations(std::int64_t target, Time from, Time until, const ProbeIds& only) {
  std::vector<Observation> all;
  Sqlite::Query q(*db_, "SELECT body FROM raw WHERE target = ?1 AND until >= ?2 AND since <= ?3 ORDER BY since");
  q.bind(1, target).bind(2, millis(from)).bind(3, millis(until));
  while (q.next()) try {
      for (Observation& o : load_observations(body(q, 0), only)) {
        std::erase_if(o.answers, [&](const auto& a) { return a.second.at < from || a.second.at > until; });
        if (!o.answers.empty()) all.push_back(std::move(o));
      }
    } catch (const BadRecording&) {
      ++damaged_;
    }
  return all;
}

std::vector<Minute> HistoryReader::minutes(std::int64_t target, Time from, Time until) {
  std::vector<Minute> all;
  Sqlite::Query q(*db_, "SELECT body FROM minute WHERE target = ?1 AND at >= ?2 AND at <= ?3 ORDER BY at");
  q.bind(1, target).bind(2, millis(from)).bind(3, millis(until));
  while (q.next()) try {
      all.push_back(load_minute(body(q, 0)));
    } catch (const BadRecording&) {
      ++damaged_;
    }
  return all;
}

std::vector<Moment> HistoryReader::moments(std::int64_t target, Time from, Time until) {
  std::vector<Moment> all;
  Sqlite::Query q(*db_, "SELECT body FROM moment WHERE target = ?1 AND at >= ?2 AND at <= ?3 ORDER BY at, id");
  q.bind(1, target).bind(2, millis(from)).bind(3, millis(until));
  while (q.next()) try {
      all.push_back(load_moment(q.bytes(0)));
    } catch (const BadRecording&) {
      ++damaged_;
    }
  return all;
}

}  // namespace pgvigil
