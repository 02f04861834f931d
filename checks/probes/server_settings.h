// Settings that are not what PostgreSQL would set by itself: of the server, and of roles and databases.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct ServerSetting {
  std::string scope = {};                        // server; or role, database, role in database
  std::string role = {}, database = {};          // whose, where the scope says so
  std::string name = {}, value = {}, unit = {};  // as pg_settings has them: "8192", "8kB"; as written, of a role
  std::string boot = {};                         // what PostgreSQL sets without being told; "" of a role
  std::string type = {};                         // bool, integer, real, enum, string; "" where the server knows it not
  std::string file = {};                         // the file that sets it, without its path
  bool needs_restart = false;                    // takes effect only with a restart
  bool pending_restart = false;                  // was changed, and waits for it
  bool hidden = false;                           // may hold a secret: `value` is only a mark that moves with it
};

extern const Probe<ServerSetting> server_settings;
// An expression over all_settings (name, reset_val, boot_val, source, pending_restart) that moves when a row of this
// probe would: cheap enough for every cycle, so that the rows are asked for only when they have something new to say.
std::string_view settings_digest_sql();

// "4MB", "30s", "on": as postgresql.conf would have it.
std::string in_words(const ServerSetting& s, const std::string& value);
std::string in_words(const ServerSetting& s);  // its own value
std::string owner_of(
    const ServerSetting& s);  // "", " of role app", " of database shop", " of role app in database shop"

}  // namespace pgvigil
