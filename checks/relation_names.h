// Names of what is locked: the first connection knows those of its own database, the sweeps those of the others.
#pragma once

#include <string>

#include "checks/check.h"
#include "checks/probes/lock_waits.h"

namespace pgvigil {

// Qualified; "" where the lock is on no relation, or on one of another database that no sweep has told of.
std::string name_of(const Input& in, const LockWait& lock);
// A name that a text gives without its schema, qualified where that database has one such table; else as it is.
std::string with_schema(const Input& in, std::string_view database, const std::string& name);
std::string without_name(const LockWait& lock);  // "relation 16389 of shop"

}  // namespace pgvigil
