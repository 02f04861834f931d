// Points in time as every room uses them. Nobody in checks/ or agent/core/ reads a clock: time comes in.
#pragma once

#include <chrono>
#include <cstdint>

namespace pgvigil {

using Milliseconds = std::chrono::milliseconds;
using Time = std::chrono::sys_time<Milliseconds>;  // UTC

// Seconds from `from` to `to`, as a fraction.
inline double seconds_between(Time from, Time to) { return std::chrono::duration<double>(to - from).count(); }
inline Time after(Time t, double seconds) {
  return t + std::chrono::duration_cast<Milliseconds>(std::chrono::duration<double>(seconds));
}

}  // namespace pgvigil
