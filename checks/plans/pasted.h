// What a step pastes, as data: each statement with what it works on and the locks it takes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pgvigil {

// Of tables, the weakest first.
enum class LockMode : std::uint8_t {
  none,
  access_share,
  row_share,
  row_exclusive,
  share_update_exclusive,
  share,
  share_row_exclusive,
  exclusive,
  access_exclusive
};
bool conflict(LockMode a, LockMode b);
LockMode lock_mode(std::string_view name);  // "AccessExclusiveLock", as pg_locks says it
std::string_view to_string(LockMode m);     // "ACCESS EXCLUSIVE"

struct Pasted {
  enum class Kind : std::uint8_t {
    look,  // a SELECT, or anything else that nothing stands in the way of
    set,
    create_index,
    drop_index,
    reindex,
    vacuum,
    alter_table,
    end_session,
    drop_slot,
    finish_prepared,
    setting,  // ALTER SYSTEM, ROLE or DATABASE ... SET
    write,    // what changes the catalogue and waits for no table: GRANT, CREATE ROLE
    unknown
  };
  Kind kind = Kind::look;
  std::string words = {};                  // "CREATE INDEX CONCURRENTLY"
  std::string schema = {}, relation = {};  // unquoted; of an index where `names_index`; "" where it is on none
  LockMode lock = LockMode::none;
  bool names_index = false;
  bool concurrently = false, unique = false, if_not_exists = false;
  bool rewrites = false;                  // writes the table anew
  std::string index = {}, method = {};    // of CREATE INDEX
  std::vector<std::string> columns = {};  // its keys, quoted where they must be; "" of an expression
  std::string name = {}, value = {};      // of SET
  std::vector<std::int64_t> pids = {};    // whom it ends or cancels
  std::string text = {};                  // the gid, the slot

  bool takes_time() const;  // it may wait, or run for long
  bool changes() const { return kind != Kind::look && kind != Kind::set; }
};

// In the order of the text; empty where it does not parse.
std::vector<Pasted> pasted(std::string_view sql);

}  // namespace pgvigil
