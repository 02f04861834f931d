// The key of an index that looks into values: GIN and GiST.
#pragma once

#include <optional>
#include <string>

#include "checks/plans/advice.h"
#include "checks/plans/index_keys.h"

namespace pgvigil {

struct ContainerKey {
  std::optional<IndexKey> key = {};  // none where no such index serves this use
  std::string method = {};
  Obstacle obstacle = Obstacle::none;  // what keeps an index from it
};
ContainerKey container_key(const KnownTable& known, const sql::ColumnUse& use);

}  // namespace pgvigil
