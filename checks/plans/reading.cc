#include "checks/plans/reading.h"

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "checks/plans/sql.h"

namespace pgvigil::sql {
namespace {

using Node = PgQuery__Node;
using Select = PgQuery__SelectStmt;

constexpr int kDeepest = 100;

// The parser's own tree, changed in place and put back before it is freed: what it points to belongs to it.
class Reader {
 public:
  ~Reader() {
    for (auto back = undo_.rbegin(); back != undo_.rend(); ++back) (*back)();
  }
  Reader() = default;
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  bool changed = false;

  // A cursor, a CREATE TABLE AS, a COPY (...) TO: the query in it.
  void top(PgQuery__RawStmt& raw) {
    Node* inner = nullptr;
    if (raw.stmt == nullptr) return;
    if (raw.stmt->node_case == PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT) inner = raw.stmt->declare_cursor_stmt->query;
    if (raw.stmt->node_case == PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT) inner = raw.stmt->create_table_as_stmt->query;
    if (raw.stmt->node_case == PG_QUERY__NODE__NODE_COPY_STMT) inner = raw.stmt->copy_stmt->query;
    if (inner != nullptr) set(raw.stmt, inner);
    statement(raw.stmt);
    unlock(&raw.stmt->base);
  }

  void statement(Node* node, int depth = 0) {
    if (node == nullptr || depth > kDeepest) return;
    switch (node->node_case) {
      case PG_QUERY__NODE__NODE_SELECT_STMT:
        return select(node->select_stmt, depth);
      case PG_QUERY__NODE__NODE_UPDATE_STMT: {
        PgQuery__UpdateStmt& u = *node->update_stmt;
        std::vector<Node*> targets;  // what a sub-select assigns is read as well
        for (std::size_t i = 0; i < u.n_target_list; ++i)
          if (const Node* t = u.target_list[i]; t->node_case == PG_QUERY__NODE__NODE_RES_TARGET)
            subselects(t->res_target->val, targets);
        with(u.with_clause, depth);
        return replace(node, u.relation, u.from_clause, u.n_from_clause, u.where_clause, u.with_clause,
                       returning(u.returning_list, u.n_returning_list, std::move(targets)));
      }
      case PG_QUERY__NODE__NODE_DELETE_STMT: {
        PgQuery__DeleteStmt& d = *node->delete_stmt;
        with(d.with_clause, depth);
        return replace(node, d.relation, d.using_clause, d.n_using_clause, d.where_clause, d.with_clause,
                       returning(d.returning_list, d.n_returning_list, {}));
      }
      case PG_QUERY__NODE__NODE_MERGE_STMT: {
        PgQuery__MergeStmt& m = *node->merge_stmt;
        with(m.with_clause, depth);
        return replace(node, m.relation, &m.source_relation, 1, m.join_condition, m.with_clause, {});
      }
      case PG_QUERY__NODE__NODE_INSERT_STMT:
        return insert(node, depth);
      default:
        return;
    }
  }

 private:
  template <class T>
  void set(T& place, T value) {
    undo_.emplace_back([&place, before = place] { place = before; });
    place = value;
    changed = true;
  }

  void with(PgQuery__WithClause* clause, int depth) {
    if (clause == nullptr) return;
    for (std::size_t i = 0; i < clause->n_ctes; ++i)
      if (clause->ctes[i]->node_case == PG_QUERY__NODE__NODE_COMMON_TABLE_EXPR)
        statement(clause->ctes[i]->common_table_expr->ctequery, depth + 1);
  }

  // Only WITH of the statement itself may write.
  void select(Select* s, int depth) {
    if (s != nullptr) with(s->with_clause, depth);
  }

  // Every message of the tree, whatever holds it.
  void unlock(ProtobufCMessage* message, int depth = 0) {
    if (message == nullptr || depth > 3 * kDeepest) return;
    if (message->descriptor == &pg_query__select_stmt__descriptor)
      if (auto* s = reinterpret_cast<Select*>(message); s->n_locking_clause > 0)
        set(s->n_locking_clause, std::size_t{0});
    auto* const bytes = reinterpret_cast<char*>(message);
    for (unsigned i = 0; i < message->descriptor->n_fields; ++i) {
      const ProtobufCFieldDescriptor& f = message->descriptor->fields[i];
      if (f.type != PROTOBUF_C_TYPE_MESSAGE) continue;
      if (f.label == PROTOBUF_C_LABEL_REPEATED) {
        const auto n = *reinterpret_cast<std::size_t*>(bytes + f.quantifier_offset);
        auto** const list = *reinterpret_cast<ProtobufCMessage***>(bytes + f.offset);
        for (std::size_t k = 0; k < n; ++k) unlock(list[k], depth + 1);
      } else {
        const bool chosen = (f.flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0 ||
                            *reinterpret_cast<std::uint32_t*>(bytes + f.quantifier_offset) == f.id;
        if (chosen) unlock(*reinterpret_cast<ProtobufCMessage**>(bytes + f.offset), depth + 1);
      }
    }
  }

  // The rows it inserts.
  void insert(Node* node, int depth) {
    PgQuery__InsertStmt& i = *node->insert_stmt;
    with(i.with_clause, depth);
    if (i.select_stmt == nullptr || i.select_stmt->node_case != PG_QUERY__NODE__NODE_SELECT_STMT) {  // DEFAULT VALUES
      return become(node, fresh_select({}));
    }
    Select* source = i.select_stmt->select_stmt;
    select(source, depth + 1);
    if (source->n_values_lists > 0 && i.n_returning_list > 0)  // whoever reads on finds the columns, and no row
      return replace(node, i.relation, nullptr, 0, never(), i.with_clause,
                     returning(i.returning_list, i.n_returning_list, {}));
    for (std::size_t row = 0; row < source->n_values_lists; ++row)
      if (const Node* list = source->values_lists[row]; list->node_case == PG_QUERY__NODE__NODE_LIST)
        for (std::size_t k = 0; k < list->list->n_items; ++k)
          if (list->list->items[k]->node_case == PG_QUERY__NODE__NODE_SET_TO_DEFAULT)
            return become(node, fresh_select({}));
    if (source->with_clause == nullptr && i.with_clause != nullptr) set(source->with_clause, i.with_clause);
    become(node, source);
  }

  void replace(Node* node, PgQuery__RangeVar* relation, Node** others, std::size_t n_others, Node* where,
               PgQuery__WithClause* with_clause, std::vector<Node*> targets) {
    Select* s = fresh_select(std::move(targets));
    auto& from = lists_.emplace_back();
    Node* first = fresh_node(PG_QUERY__NODE__NODE_RANGE_VAR);
    first->range_var = relation;
    from.push_back(first);
    from.insert(from.end(), others, others + n_others);
    s->from_clause = from.data();
    s->n_from_clause = from.size();
    s->where_clause = where;
    s->with_clause = with_clause;
    become(node, s);
  }

  void become(Node* node, Select* s) {
    undo_.emplace_back([node, kind = node->node_case, before = node->select_stmt] {
      node->node_case = kind;
      node->select_stmt = before;
    });
    node->node_case = PG_QUERY__NODE__NODE_SELECT_STMT;
    node->select_stmt = s;
    changed = true;
  }

  // Also within a cast, a COALESCE, an operator or a function.
  void subselects(Node* value, std::vector<Node*>& out, int depth = 0) {
    if (value == nullptr || depth > kDeepest) return;
    const auto each = [&](Node** list, std::size_t n) {
      for (std::size_t i = 0; i < n; ++i) subselects(list[i], out, depth + 1);
    };
    switch (value->node_case) {
      case PG_QUERY__NODE__NODE_SUB_LINK:
        return out.push_back(target(value));
      case PG_QUERY__NODE__NODE_TYPE_CAST:
        return subselects(value->type_cast->arg, out, depth + 1);
      case PG_QUERY__NODE__NODE_A_EXPR:
        subselects(value->a_expr->lexpr, out, depth + 1);
        return subselects(value->a_expr->rexpr, out, depth + 1);
      case PG_QUERY__NODE__NODE_COALESCE_EXPR:
        return each(value->coalesce_expr->args, value->coalesce_expr->n_args);
      case PG_QUERY__NODE__NODE_FUNC_CALL:
        return each(value->func_call->args, value->func_call->n_args);
      default:
        return;
    }
  }

  std::vector<Node*> returning(Node** list, std::size_t n, std::vector<Node*> before) {
    before.insert(before.end(), list, list + n);
    return before;
  }

  Node* fresh_node(PgQuery__Node__NodeCase kind) {
    Node& n = nodes_.emplace_back();
    pg_query__node__init(&n);
    n.node_case = kind;
    return &n;
  }
  Node* target(Node* value) {
    PgQuery__ResTarget& t = targets_.emplace_back();
    pg_query__res_target__init(&t);
    t.val = value;
    Node* n = fresh_node(PG_QUERY__NODE__NODE_RES_TARGET);
    n->res_target = &t;
    return n;
  }
  Node* never() {
    false_ = PG_QUERY__BOOLEAN__INIT;
    never_ = PG_QUERY__A__CONST__INIT;
    never_.val_case = PG_QUERY__A__CONST__VAL_BOOLVAL;
    never_.boolval = &false_;
    Node* n = fresh_node(PG_QUERY__NODE__NODE_A_CONST);
    n->a_const = &never_;
    return n;
  }
  Node* one() {
    integer_ = PG_QUERY__INTEGER__INIT;
    integer_.ival = 1;
    constant_ = PG_QUERY__A__CONST__INIT;
    constant_.val_case = PG_QUERY__A__CONST__VAL_IVAL;
    constant_.ival = &integer_;
    Node* n = fresh_node(PG_QUERY__NODE__NODE_A_CONST);
    n->a_const = &constant_;
    return target(n);
  }
  Select* fresh_select(std::vector<Node*> targets) {
    Select& s = selects_.emplace_back();
    pg_query__select_stmt__init(&s);
    s.limit_option = PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_DEFAULT;
    s.op = PG_QUERY__SET_OPERATION__SETOP_NONE;
    if (targets.empty()) targets.push_back(one());
    auto& list = lists_.emplace_back(std::move(targets));
    s.target_list = list.data();
    s.n_target_list = list.size();
    return &s;
  }

  std::deque<Node> nodes_;
  std::deque<Select> selects_;
  std::deque<PgQuery__ResTarget> targets_;
  std::deque<std::vector<Node*>> lists_;
  PgQuery__Integer integer_ = PG_QUERY__INTEGER__INIT;
  PgQuery__AConst constant_ = PG_QUERY__A__CONST__INIT;
  PgQuery__Boolean false_ = PG_QUERY__BOOLEAN__INIT;
  PgQuery__AConst never_ = PG_QUERY__A__CONST__INIT;
  std::vector<std::function<void()>> undo_;
};

std::optional<std::string> printed(const PgQuery__ParseResult& tree) {
  std::vector<std::uint8_t> bytes(pg_query__parse_result__get_packed_size(&tree));
  pg_query__parse_result__pack(&tree, bytes.data());
  PgQueryProtobuf packed;
  packed.len = bytes.size();
  packed.data = reinterpret_cast<char*>(bytes.data());
  const PgQueryDeparseResult out = pg_query_deparse_protobuf(packed);
  std::optional<std::string> text;
  if (out.error == nullptr && out.query != nullptr) text = out.query;
  pg_query_free_deparse_result(out);
  return text;
}

}  // namespace

std::optional<std::string> reading_part(std::string_view text) {
  if (!parsable(text)) return std::nullopt;
  const PgQueryProtobufParseResult parsed = pg_query_parse_protobuf(std::string(text).c_str());
  const std::unique_ptr<const PgQueryProtobufParseResult, void (*)(const PgQueryProtobufParseResult*)> freed(
      &parsed, [](const PgQueryProtobufParseResult* r) { pg_query_free_protobuf_parse_result(*r); });
  if (parsed.error != nullptr) return std::nullopt;
  const std::unique_ptr<PgQuery__ParseResult, void (*)(PgQuery__ParseResult*)> tree(
      pg_query__parse_result__unpack(nullptr, parsed.parse_tree.len,
                                     reinterpret_cast<const std::uint8_t*>(parsed.parse_tree.data)),
      [](PgQuery__ParseResult* t) { pg_query__parse_result__free_unpacked(t, nullptr); });
  if (!tree || tree->n_stmts != 1) return std::nullopt;
  Reader reader;
  reader.top(*tree->stmts[0]);
  return reader.changed ? printed(*tree) : std::nullopt;
}

}  // namespace pgvigil::sql
