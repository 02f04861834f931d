// Extensions of the databases in which queries are explained: what an index may use, what can verify it.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct Extension {
  std::string database = {}, name = {}, version = {};
  std::string schema = {};  // quoted where it must be
};

extern const Probe<Extension> extensions;

}  // namespace pgvigil
