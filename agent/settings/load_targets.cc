// The targets of the configuration, with the queries and migrations that it names.
#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <cmath>
#include <set>

#include "agent/settings/conninfo.h"
#include "agent/settings/load_parts.h"
#include "checks/plans/sql.h"

namespace pgvigil {
namespace {

void read_hot_queries(Section& target, const std::string& where, TargetSettings& out, Loading& loading) {
  const YamlNode* all = target.list("hot_queries");
  if (all == nullptr) return;
  for (std::size_t i = 0; i < all->items.size(); ++i) {
    Section s(all->items[i], fmt::format("{}.hot_queries[{}]", where, i), loading);
    HotQuery q;
    s.text("name", q.name);
    s.text("database", q.database);
    s.verbatim("sql", q.sql);
    s.text("user", q.user);
    s.verbatim("search_path", q.search_path);
    const bool sampled = s.values("parameters", q.parameters);
    for (const auto& [key, most] : {std::pair{"max_cost", &q.max_cost}, std::pair{"max_rows_read", &q.max_rows_read}})
      if (double value = 0; s.number(key, Unit::count, value, {0, 1e18})) *most = value;
    s.finish();
    if (q.sql.empty())
      s.error("sql", "a hot query has no sql", "give the statement as the application sends it, with values or $1");
    else if (const std::size_t wanted = sql::parameters(q.sql); sampled && q.parameters.size() != wanted)
      s.error("parameters",
              wanted == 0 ? fmt::format("parameters are given, but the sql has no $1")
                          : fmt::format("parameters has {}, but the sql has $1 to ${}", q.parameters.size(), wanted),
              wanted == 0 ? "write $1 where the value goes" : "give one value for each, in order; null for NULL");
    if (q.name.empty()) q.name = fmt::format("query {}", i + 1);
    out.hot_queries.push_back(std::move(q));
  }
}

// A SELECT that can stand in brackets: without the semicolon that people end it with.
std::string one_select(Section& s, std::string_view key, std::string text) {
  while (!text.empty() && (text.back() == ';' || std::isspace(static_cast<unsigned char>(text.back())) != 0))
    text.pop_back();
  if (sql::kind(text) != sql::Kind::select || sql::parameters(text) > 0)
    s.error(key, fmt::format("{} is not one SELECT without parameters", key),
            "give a statement that returns one number, such as SELECT count(*) FROM app.documents_new");
  return text;
}

bool is_number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
}

void read_migrations(Section& target, const std::string& where, TargetSettings& out, Loading& loading) {
  const YamlNode* all = target.list("migrations");
  if (all == nullptr) return;
  for (std::size_t i = 0; i < all->items.size(); ++i) {
    Section s(all->items[i], fmt::format("{}.migrations[{}]", where, i), loading);
    Migration m;
    s.text("name", m.name);
    s.text("database", m.database);
    s.verbatim("done", m.done);
    s.verbatim("total", m.total);
    s.verbatim("search_path", m.search_path);
    s.finish();
    if (m.name.empty()) m.name = fmt::format("migration {}", i + 1);
    if (m.done.empty())
      s.error("done", "a migration has no done", "give the SQL that counts what is done");
    else
      m.done = one_select(s, "done", m.done);
    if (m.total.empty())
      s.error("total", "a migration has no total", "give the SQL that counts what is to do, or the number");
    else if (!is_number(m.total))
      m.total = one_select(s, "total", m.total);
    for (const Migration& other : out.migrations)
      if (other.name == m.name && other.database == m.database)
        s.error("name", fmt::format("two migrations are named \"{}\"", m.name), "give each its own name");
    out.migrations.push_back(std::move(m));
  }
}

void check_no_inline_password(const std::string& conninfo, bool from_file_itself, Loading& loading) {
  if (from_file_itself && !conninfo_secrets(conninfo).empty()) loading.inline_secret = true;
}

TargetSettings read_target(const YamlNode& node, const std::string& where, Loading& loading) {
  Section s(node, where, loading);
  TargetSettings t;
  s.text("name", t.name);
  const bool given = s.text("conninfo", t.conninfo);
  if (given && !parse_conninfo(t.conninfo))
    s.error("conninfo", "conninfo is not a connection string that libpq can read",
            "write \"host=db-1 dbname=app user=pgvigil\" or postgresql://pgvigil@db-1/app");
  else if (given)
    check_no_inline_password(t.conninfo, !s.at("conninfo").text.starts_with("${"), loading);
  std::string password;
  if (s.secret("password", password)) {
    if (given && !conninfo_secrets(t.conninfo).empty())
      s.error(s.has("password") ? "password" : "password_file", "conninfo already has a password", "keep one of them");
    t.conninfo = conninfo_with(t.conninfo, {{"password", password}});
  }
  double vcpus = 0;
  if (s.number("vcpus", Unit::count, vcpus, {0.1, 4096})) t.vcpus = vcpus;
  s.texts("databases", t.databases);
  s.flag("allow_superuser", t.allow_superuser);
  read_hot_queries(s, where, t, loading);
  read_migrations(s, where, t, loading);
  s.finish();
  if (t.name.empty()) t.name = conninfo_name(t.conninfo, loading.sources->environment);
  return t;
}

}  // namespace

void read_targets(Section& root, Settings& out, Loading& loading) {
  const YamlNode* all = root.list("targets");
  if (all == nullptr) return;
  std::set<std::string> names;
  for (std::size_t i = 0; i < all->items.size(); ++i) {
    TargetSettings t = read_target(all->items[i], fmt::format("targets[{}]", i), loading);
    if (!names.insert(t.name).second)
      loading.error(all->items[i], fmt::format("two targets are named \"{}\"", t.name),
                    "give each target its own name");
    out.targets.push_back(std::move(t));
  }
}

std::vector<Migration> migrations_in(std::vector<Migration> all, const std::string& database) {
  for (Migration& m : all)
    if (m.database.empty()) m.database = database;
  return all;
}

}  // namespace pgvigil
