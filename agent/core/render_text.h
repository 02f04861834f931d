// The report for a terminal: the first two lines are the answer.
#pragma once

#include <string>

#include "agent/core/report.h"

namespace pgvigil {

struct TextOptions {
  int width = 80;       // columns; SQL is never broken
  bool colour = false;  // ANSI colours; they are never the only sign
  bool ascii = false;   // other characters as "?"; SQL stays as it is, to be pasted
};
std::string render_text(const Report& report, const TextOptions& options);

}  // namespace pgvigil
