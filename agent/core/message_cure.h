// What a message takes from the remedies: the tables with their columns, and the statements to paste.
#pragma once

#include <string>
#include <vector>

#include "agent/core/message.h"

namespace pgvigil {

// Every table that the incident's causes speak of, the leading one first, each as "name (columns)" where the cure or
// the evidence gives columns, else as "name".
std::vector<std::string> tables_with_columns(const Incident& incident);

struct Cure {
  std::string summary;
  std::vector<Paste> paste;
  std::size_t more = 0;  // steps that did not fit or cannot be shown
};
Cure cure_of(const Incident& incident);

}  // namespace pgvigil
