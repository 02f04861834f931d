#include "checks/plans/pasted.h"

#include <algorithm>
#include <array>

#include "checks/plans/sql.h"
#include "checks/plans/sql_tree.h"

namespace pgvigil {
namespace {

using sql::at;
using sql::Json;
using sql::text;
using Kind = Pasted::Kind;

// As PostgreSQL's own table of conflicts.
constexpr std::array<std::uint16_t, 9> conflicts{0, 0x100, 0x180, 0x1E0, 0x1F0, 0x1D8, 0x1F8, 0x1FC, 0x1FE};

constexpr std::array<std::string_view, 9> sql_names{
    "none",  "ACCESS SHARE",        "ROW SHARE", "ROW EXCLUSIVE",   "SHARE UPDATE EXCLUSIVE",
    "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"};
constexpr std::array<std::string_view, 9> lock_names{
    "",          "AccessShareLock",       "RowShareLock",  "RowExclusiveLock",   "ShareUpdateExclusiveLock",
    "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"};

std::string constant(const Json& node) {
  const Json& c = at(node, "A_Const");
  if (const Json& i = at(c, "ival"); i.is_object()) return std::to_string(i.value("ival", 0));
  if (const Json& f = at(c, "fval"); f.is_object()) return text(f, "fval");
  if (const Json& b = at(c, "boolval"); b.is_object()) return b.value("boolval", false) ? "on" : "off";
  return text(at(c, "sval"), "sval");
}

bool has_option(const Json& options, std::string_view name) {
  return options.is_array() && std::any_of(options.begin(), options.end(), [&](const Json& o) {
           const Json& d = at(o, "DefElem");
           const std::string off = constant(at(d, "arg")), word = text(at(at(d, "arg"), "String"), "sval");
           return text(d, "defname") == name && off != "0" && word != "false" && word != "off";
         });
}

void on_table(const Json& range_var, Pasted& p) {
  p.schema = text(range_var, "schemaname");
  p.relation = text(range_var, "relname");
}

void set_value(const Json& s, Pasted& p) {
  p.name = text(s, "name");
  if (const Json& args = at(s, "args"); args.is_array() && !args.empty()) p.value = constant(args[0]);
}

Pasted create_index(const Json& s) {
  Pasted p{.kind = Kind::create_index};
  on_table(at(s, "relation"), p);
  p.index = text(s, "idxname");
  p.method = text(s, "accessMethod");
  p.concurrently = s.value("concurrent", false);
  p.unique = s.value("unique", false);
  p.if_not_exists = s.value("if_not_exists", false);
  p.words = std::string("CREATE INDEX") + (p.concurrently ? " CONCURRENTLY" : "");
  p.lock = p.concurrently ? LockMode::share_update_exclusive : LockMode::share;
  if (const Json& keys = at(s, "indexParams"); keys.is_array())
    for (const Json& k : keys) {
      const std::string column = text(at(k, "IndexElem"), "name");
      p.columns.push_back(column.empty() ? "" : sql::quote_identifier(column));
    }
  return p;
}

Pasted drop(const Json& s) {
  Pasted p{.kind = Kind::unknown};
  if (text(s, "removeType") != "OBJECT_INDEX") return p;
  p.kind = Kind::drop_index;
  p.names_index = true;
  p.concurrently = s.value("concurrent", false);
  p.words = std::string("DROP INDEX") + (p.concurrently ? " CONCURRENTLY" : "");
  p.lock = p.concurrently ? LockMode::share_update_exclusive : LockMode::access_exclusive;
  const Json& objects = at(s, "objects");
  if (!objects.is_array() || objects.empty()) return p;
  const Json& names = at(at(objects[0], "List"), "items");
  p.relation = sql::last_name(names);
  if (names.is_array() && names.size() > 1) p.schema = text(at(names[names.size() - 2], "String"), "sval");
  return p;
}

Pasted reindex(const Json& s) {
  Pasted p{.kind = Kind::reindex};
  on_table(at(s, "relation"), p);
  p.names_index = text(s, "kind") == "REINDEX_OBJECT_INDEX";
  p.concurrently = has_option(at(s, "params"), "concurrently");
  p.words = std::string("REINDEX") + (p.concurrently ? " CONCURRENTLY" : "");
  p.lock = p.concurrently ? LockMode::share_update_exclusive : LockMode::access_exclusive;
  return p;
}

Pasted vacuum(const Json& s) {
  Pasted p{.kind = Kind::vacuum};
  const bool full = has_option(at(s, "options"), "full");
  p.rewrites = full;
  p.words = !s.value("is_vacuumcmd", false) ? "ANALYZE" : full ? "VACUUM FULL" : "VACUUM";
  p.lock = full ? LockMode::access_exclusive : LockMode::share_update_exclusive;
  if (const Json& rels = at(s, "rels"); rels.is_array() && !rels.empty())
    on_table(at(at(rels[0], "VacuumRelation"), "relation"), p);
  return p;
}

// Options of autovacuum, statistics and the validation of constraints leave readers and writers alone; all else is
// taken for what it is at worst.
Pasted alter_table(const Json& s) {
  Pasted p{.kind = Kind::alter_table, .words = "ALTER TABLE", .lock = LockMode::share_update_exclusive};
  on_table(at(s, "relation"), p);
  p.names_index = text(s, "objtype") == "OBJECT_INDEX";
  const Json& commands = at(s, "cmds");
  if (!commands.is_array()) return p;
  for (const Json& c : commands) {
    const std::string type = text(at(c, "AlterTableCmd"), "subtype");
    if (type == "AT_AlterColumnType") p.rewrites = true;
    const bool mild = type == "AT_SetRelOptions" || type == "AT_ResetRelOptions" || type == "AT_SetStatistics" ||
                      type == "AT_ValidateConstraint";
    if (!mild) p.lock = LockMode::access_exclusive;
  }
  return p;
}

void numbers(const Json& node, int depth, std::vector<std::int64_t>& out) {
  if (depth > sql::kDeepest) return;
  if (const Json& c = at(node, "A_Const"); c.is_object()) {
    if (at(c, "ival").is_object()) out.push_back(at(c, "ival").value("ival", 0));
    return;
  }
  for (const Json& child : node)
    if (child.is_structured()) numbers(child, depth + 1, out);
}

// Functions that end sessions, and the pids that they are given or that a condition on a column pid names.
void walk(const Json& node, int depth, Pasted& p) {
  if (depth > sql::kDeepest || !node.is_structured()) return;
  if (const Json& call = at(node, "FuncCall"); call.is_object()) {
    const std::string name = sql::last_name(at(call, "funcname"));
    if (name == "pg_terminate_backend" || name == "pg_cancel_backend") {
      p.kind = Kind::end_session;
      p.words = name;
      if (const Json& args = at(call, "args"); args.is_array() && !args.empty()) numbers(args[0], depth, p.pids);
    } else if (name == "pg_drop_replication_slot") {
      p.kind = Kind::drop_slot;
      p.words = name;
      if (const Json& args = at(call, "args"); args.is_array() && !args.empty()) p.text = constant(args[0]);
    }
  }
  if (const Json& e = at(node, "A_Expr"); e.is_object()) {
    const std::string column = sql::last_name(at(at(at(e, "lexpr"), "ColumnRef"), "fields"));
    if (column == "pid") numbers(at(e, "rexpr"), depth, p.pids);
    if (column == "slot_name") p.text = constant(at(e, "rexpr"));
  }
  for (const Json& child : node) walk(child, depth + 1, p);
}

Pasted one(const Json& statement) {
  const auto is = [&](const char* name) { return at(statement, name).is_object(); };
  if (is("IndexStmt")) return create_index(at(statement, "IndexStmt"));
  if (is("DropStmt")) return drop(at(statement, "DropStmt"));
  if (is("ReindexStmt")) return reindex(at(statement, "ReindexStmt"));
  if (is("VacuumStmt")) return vacuum(at(statement, "VacuumStmt"));
  if (is("AlterTableStmt")) return alter_table(at(statement, "AlterTableStmt"));
  Pasted p;
  if (is("SelectStmt")) {
    walk(statement, 0, p);
  } else if (is("VariableSetStmt")) {
    p.kind = Kind::set;
    set_value(at(statement, "VariableSetStmt"), p);
  } else if (is("AlterSystemStmt")) {
    p = {.kind = Kind::setting, .words = "ALTER SYSTEM"};
  } else if (is("AlterRoleSetStmt")) {
    p = {.kind = Kind::setting, .words = "ALTER ROLE"};
  } else if (is("AlterDatabaseSetStmt")) {
    p = {.kind = Kind::setting, .words = "ALTER DATABASE"};
  } else if (is("TransactionStmt")) {
    const Json& t = at(statement, "TransactionStmt");
    p.text = text(t, "gid");
    if (!p.text.empty()) p.kind = Kind::finish_prepared;
    p.words = text(t, "kind") == "TRANS_STMT_COMMIT_PREPARED" ? "COMMIT PREPARED" : "ROLLBACK PREPARED";
  } else if (is("AlterSeqStmt")) {
    p = {.kind = Kind::write, .words = "ALTER SEQUENCE", .lock = LockMode::share_row_exclusive};
    on_table(at(at(statement, "AlterSeqStmt"), "sequence"), p);
  } else if (is("CreateRoleStmt") || is("AlterRoleStmt") || is("GrantStmt") || is("GrantRoleStmt") ||
             is("CreateExtensionStmt")) {
    p = {.kind = Kind::write, .words = "a change of the catalogue"};
  } else if (!is("VariableShowStmt") && !is("CheckPointStmt")) {
    p.kind = Kind::unknown;
  }
  return p;
}

}  // namespace

bool conflict(LockMode a, LockMode b) {
  return (conflicts[static_cast<std::size_t>(a)] >> static_cast<std::size_t>(b) & 1) != 0;
}
LockMode lock_mode(std::string_view name) {
  const auto it = std::find(lock_names.begin() + 1, lock_names.end(), name);
  return it == lock_names.end() ? LockMode::none : static_cast<LockMode>(it - lock_names.begin());
}
std::string_view to_string(LockMode m) { return sql_names[static_cast<std::size_t>(m)]; }

bool Pasted::takes_time() const { return lock != LockMode::none; }

std::vector<Pasted> pasted(std::string_view sql) {
  std::vector<Pasted> all;
  const Json tree = sql::parse_tree(sql);
  if (const Json& statements = at(tree, "stmts"); statements.is_array())
    for (const Json& s : statements) all.push_back(one(at(s, "stmt")));
  return all;
}

}  // namespace pgvigil
