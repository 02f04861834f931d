#include "agent/pg/now.h"

namespace pgvigil {

Time utc_now() {
  static const auto start = std::chrono::steady_clock::now();
  static const auto anchor = std::chrono::floor<Milliseconds>(std::chrono::system_clock::now());
  return anchor + std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - start);
}

}  // namespace pgvigil
