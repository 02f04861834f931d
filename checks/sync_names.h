// synchronous_standby_names as the server reads it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgvigil {

struct SyncNames {
  std::vector<std::string> names = {};  // in their order; "*" stands for any
  int needed = 1;                       // how many must confirm
  bool any = false;                     // ANY n (...): a quorum; else the first n of the list
};

SyncNames parse_sync_names(std::string_view setting);
// Is this application_name meant by this entry? Case does not count, and * means everybody.
bool is_sync_name(std::string_view entry, std::string_view application);
// The setting for these names, of which `needed` must confirm; "" for none.
std::string print_sync_names(const SyncNames& names);

}  // namespace pgvigil
