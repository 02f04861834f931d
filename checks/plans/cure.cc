// The cure as steps that a person, or a test, can paste into psql.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "checks/plans/advice.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr double kMostMemory = 4.0 * 1024 * 1024 * 1024;  // RAM is not known: more is not asked for
constexpr std::size_t kMostPids = 50;
constexpr std::size_t kLongestName = 63;

std::string unquoted(const std::string& name) {
  if (name.size() < 2 || name.front() != '"') return name;
  std::string out;
  for (std::size_t i = 1; i + 1 < name.size(); ++i) {
    out += name[i];
    if (name[i] == '"') ++i;
  }
  return out;
}

// At most `bytes`, not inside a character.
std::string cut(const std::string& s, std::size_t bytes) {
  if (s.size() <= bytes) return s;
  while (bytes > 0 && (static_cast<unsigned char>(s[bytes]) & 0xC0) == 0x80) --bytes;
  return s.substr(0, bytes);
}

// What the server did not tell in time is taken as PostgreSQL has it by itself.
const Server& settings_of(const CureRequest& r) {
  static const Server usual = [] {
    Server s;
    s.maintenance_work_mem = 64LL << 20;
    s.max_parallel_maintenance_workers = 2;
    return s;
  }();
  return r.server != nullptr ? *r.server : usual;
}

// Columns alone, no expressions, patterns or orders.
bool plain(const IndexAdvice& advice) {
  return advice.predicate.empty() &&
         std::none_of(advice.columns.begin(), advice.columns.end(), [](const std::string& c) {
           return c.find('(') != std::string::npos || (c.front() != '"' && c.find(' ') != std::string::npos);
         });
}

std::string megabytes(double b) { return fmt::format("{:.0f}MB", std::ceil(b / (1024 * 1024))); }

std::string about_duplicates(const CureRequest& r) {
  if (r.duplicates == nullptr) return "not checked for duplicates: a UNIQUE index may fail with 23505";
  const Duplicates& d = *r.duplicates;
  if (d.duplicate_keys > 0)
    return fmt::format("not UNIQUE: {}{} occur more than once, a unique index would fail with 23505",
                       d.slices_done < d.slices ? "at least " : "",
                       words::counted(static_cast<double>(d.duplicate_keys), "key"));
  if (d.slices_done < d.slices)
    return fmt::format("no duplicates in {} of {} parts looked at: a UNIQUE index may still fail with 23505",
                       d.slices_done, d.slices);
  return "no duplicates found: a UNIQUE index is possible, if the keys are meant to be unique";
}

Remedy first_aid(const CureRequest& r) {
  std::vector<std::int64_t> pids = r.pids;
  std::sort(pids.begin(), pids.end());
  if (pids.size() > kMostPids) pids.resize(kMostPids);
  // Between the look and the paste a session may have gone on to something else: that is left alone.
  std::vector<std::string> told;
  for (const std::string& word : r.words.empty() ? std::vector{r.table->relation} : r.words)
    told.push_back(
        fmt::format("pg_catalog.strpos(pg_catalog.lower(query), pg_catalog.lower({})) > 0", words::literal(word)));
  const std::string same = told.size() == 1 ? told.front() : fmt::format("({})", fmt::join(told, "\n        OR "));
  Step s{.title = fmt::format("cancel the {} that read {}",
                              pids.size() == 1 ? "query" : fmt::format("{} queries", pids.size()), r.table->name),
         .database = r.table->database,
         .run_as = "superuser",
         .sql = fmt::format("SELECT pg_catalog.pg_cancel_backend(pid) FROM pg_catalog.pg_stat_activity\n WHERE pid = "
                            "ANY (ARRAY[{}]) AND state = 'active'\n   AND {};",
                            fmt::join(pids, ", "), same)};
  s.relief = fmt::format("{} of load, until they come back", words::number(r.load));
  s.duration = "at once";
  s.lock = "none";
  s.caution = "the application sees errors and will ask again: they come back until the cure is done";
  s.load_relieved = r.load;
  return {Remedy::Kind::first_aid, "end the queries that run now", {std::move(s)}};
}

Step analyze(const CureRequest& r) {
  Step s{.title = "collect statistics of " + r.table->name,
         .database = r.table->database,
         .run_as = r.table->owner,
         .sql = fmt::format("ANALYZE {};", r.table->name)};
  s.duration = "seconds";
  s.lock = "SHARE UPDATE EXCLUSIVE: reads and writes go on";
  s.load_relieved = r.load;
  return s;
}

Step build(const CureRequest& r, const IndexAdvice& advice, const BuildForecast& f, const std::string& name,
           bool unique) {
  const Table& t = *r.table;
  const bool partitioned = t.kind == "p";
  const auto limit = static_cast<double>(settings_of(r).temp_file_limit);
  const bool too_much = limit >= 0 && f.temp_bytes > limit;
  const bool in_memory = too_much && f.memory_to_stay <= kMostMemory;

  Step s;
  s.title = fmt::format("build the {}index on {} {}", unique ? "unique " : "", t.name, advice.definition());
  s.database = t.database;
  s.run_as = t.owner;
  s.sql = "SET statement_timeout = 0;\nSET lock_timeout = 0;\n";
  std::vector<std::string> cautions;
  if (too_much) {
    cautions.push_back(
        fmt::format("needs about {} of temporary files, temp_file_limit is {}: the plain build would fail with 53400",
                    words::bytes(f.temp_bytes), words::bytes(limit)));
    if (in_memory) {
      s.sql += fmt::format("SET maintenance_work_mem = '{}';\nSET max_parallel_maintenance_workers = 0;\n",
                           megabytes(f.memory_to_stay));
      constexpr double much = 1024.0 * 1024 * 1024;
      if (f.memory_to_stay > much)
        cautions.push_back(
            fmt::format("look first whether the host has {} of free memory: without it the kernel may "
                        "end the server",
                        words::bytes(f.memory_to_stay)));
      cautions.front() +=
          fmt::format("; with {} of memory in one process it needs none", words::bytes(f.memory_to_stay));
    } else {
      s.run_as = "superuser";
      s.sql += fmt::format("SET temp_file_limit = '{}';\n", megabytes(f.temp_bytes * 1.2));
      cautions.back() += "; only a superuser can raise it";
    }
  }
  if (r.server == nullptr)
    cautions.push_back(
        fmt::format("the server's settings could not be read: whether temp_file_limit allows about {} is "
                    "not known",
                    words::bytes(f.temp_bytes)));
  const std::string schema = sql::quote_identifier(t.schema);
  s.sql += fmt::format("CREATE {}INDEX {}{} ON {} {};", unique ? "UNIQUE " : "", partitioned ? "" : "CONCURRENTLY ",
                       sql::quote_identifier(name), t.name, advice.definition());
  s.undo = fmt::format("DROP INDEX {}{}.{};", partitioned ? "" : "CONCURRENTLY ", schema, sql::quote_identifier(name));
  s.lock = partitioned ? "SHARE: reads go on, writes wait until it is done"
                       : "SHARE UPDATE EXCLUSIVE: reads and writes go on";
  const double seconds = std::max(1.0, f.minutes * 60);
  s.duration = fmt::format("about {} on an idle server{}", words::duration(seconds),
                           f.known ? "" : " (guessed, the row count is unknown)");
  s.relief = r.load > 0 ? fmt::format("about {} of load", words::number(r.load)) : "";
  s.load_relieved = r.load;
  s.minutes = f.minutes;
  cautions.push_back(fmt::format("the index takes about {} of disk", words::bytes(f.index_bytes)));
  if (!partitioned)
    cautions.push_back(
        "run it outside a transaction; a failed build leaves an INVALID index behind, which IF NOT EXISTS would skip: "
        "drop it with the undo first");
  if (!unique && advice.method == "btree" && plain(advice)) cautions.push_back(about_duplicates(r));
  if (!advice.replaces.empty())
    cautions.push_back(
        fmt::format("{} begins with the same columns: once this one is in use it can go", advice.replaces));
  s.caution = fmt::format("{}", fmt::join(cautions, "; "));
  return s;
}

}  // namespace

std::string index_name(const std::string& relation, std::span<const std::string> columns,
                       std::span<const std::string> taken) {
  std::string keys;
  for (const std::string& c : columns) {
    std::string word = c.find('(') == std::string::npos && c.front() != '"' ? c.substr(0, c.find(' ')) : unquoted(c);
    if (c.find('(') != std::string::npos) {  // of an expression, its words
      std::string words;
      for (const char letter : c.substr(0, c.rfind(')')))
        if (std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '_')
          words += letter;
        else if (!words.empty() && words.back() != '_')
          words += '_';
      while (!words.empty() && words.back() == '_') words.pop_back();
      word = words;
    }
    keys += (keys.empty() ? "" : "_") + word;
  }
  for (int n = 0;; ++n) {
    const std::string label = n == 0 ? "_idx" : fmt::format("_idx{}", n);
    const std::size_t room = kLongestName - label.size() - 1;
    // The longer of the two gives way, as in PostgreSQL.
    std::size_t a = relation.size(), b = keys.size();
    while (a + b > room) --(a > b ? a : b);
    std::string name = cut(relation, a) + "_" + cut(keys, b) + label;
    if (std::find(taken.begin(), taken.end(), name) == taken.end()) return name;
  }
}

namespace {

// What is found anywhere in a text needs an extension that comes with PostgreSQL.
Remedy with_trigrams(const CureRequest& r) {
  IndexAdvice advice;
  advice.kind = IndexAdvice::Kind::create;
  advice.method = "gin";
  advice.columns = {r.advice.trigrams};
  std::vector<std::string> taken;
  for (const Index& i : r.existing) taken.push_back(unquoted(i.name.substr(i.name.rfind('.') + 1)));
  Step extension{.title = "add the extension pg_trgm to " + r.table->database,
                 .database = r.table->database,
                 .run_as = "superuser",
                 .sql = "CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;"};
  extension.duration = "at once";
  extension.lock = "none that stops readers or writers";
  extension.undo = "DROP EXTENSION pg_trgm;";
  extension.caution = "it is one of PostgreSQL's contrib modules, which some packages leave out";
  const BuildForecast f = forecast(*r.table, advice.columns, r.columns, settings_of(r));
  Remedy cure{Remedy::Kind::cure, fmt::format("a trigram index on {} {}", r.table->name, advice.definition()), {}};
  cure.steps = {std::move(extension), build(r, advice, f, index_name(r.table->relation, advice.columns, taken), false)};
  cure.steps.back().caution += "; it takes three letters or more to be of use, and each write costs more";
  return cure;
}

}  // namespace

std::vector<Remedy> cure(const CureRequest& r) {
  std::vector<Remedy> all;
  if (r.table == nullptr) return all;
  if (!r.pids.empty()) all.push_back(first_aid(r));
  const bool invalid = r.advice.kind == IndexAdvice::Kind::invalid_exists;
  if (r.advice.obstacle == Obstacle::statistics) {
    all.push_back({Remedy::Kind::cure, "statistics of " + r.table->name, {analyze(r)}});
    return all;
  }
  if (!r.advice.trigrams.empty()) all.push_back(with_trigrams(r));
  if (!r.advice.creates() || r.advice.columns.empty()) return all;

  Remedy cure{Remedy::Kind::cure, fmt::format("an index on {} {}", r.table->name, r.advice.definition()), {}};
  std::vector<std::string> taken;
  for (const Index& i : r.existing) {
    const std::string schema = sql::quote_identifier(r.table->schema) + ".";
    const std::string own = i.name.starts_with(schema) ? i.name.substr(schema.size()) : i.name;
    if (i.name != r.advice.index || !invalid) taken.push_back(unquoted(own));
  }
  if (invalid) {
    Step drop{.title = "drop the invalid leftover " + r.advice.index,
              .database = r.table->database,
              .run_as = r.table->owner,
              .sql = fmt::format("SET lock_timeout = 0;\nDROP INDEX CONCURRENTLY {};", r.advice.index)};
    drop.duration = "seconds, once older transactions have ended";
    drop.lock = "SHARE UPDATE EXCLUSIVE: reads and writes go on";
    drop.caution = "not while a build of it is still running";
    cure.steps.push_back(std::move(drop));
  }
  Table indexed = *r.table;
  if (!r.advice.predicate.empty() && indexed.rows) indexed.rows = r.advice.rows_covered;
  const BuildForecast f = forecast(indexed, r.advice.columns, r.columns, settings_of(r));
  const std::string name = index_name(r.table->relation, r.advice.columns, taken);
  cure.steps.push_back(build(r, r.advice, f, name, false));
  for (const IndexAdvice& other : r.advice.beside) {
    if (!other.creates()) continue;
    taken.push_back(index_name(r.table->relation, other.columns, taken));
    cure.steps.push_back(
        build(r, other, forecast(*r.table, other.columns, r.columns, settings_of(r)), taken.back(), false));
  }
  if (!f.known) {
    cure.steps.push_back(analyze(r));
  }
  const Duplicates* d = r.duplicates;
  if (d != nullptr && plain(r.advice) && d->duplicate_keys == 0 && d->slices > 0 && d->slices_done == d->slices) {
    taken.push_back(name);
    Step unique = build(r, r.advice, f, index_name(r.table->relation, r.advice.columns, taken), true);
    unique.straight_path = false;
    cure.steps.push_back(std::move(unique));
  }
  all.push_back(std::move(cure));
  return all;
}

}  // namespace pgvigil
