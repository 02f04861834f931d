// When something about the server changed, as exactly as two looks at it can tell.
#pragma once

#include <optional>

#include "checks/check.h"
#include "checks/probes/server.h"

namespace pgvigil {

// The last two different answers: `before` was still so at `earliest`, `after` already at `latest`.
struct Move {
  Server before, after;
  Time earliest{}, latest{};
};

// The last change of what `of` reads from the server's row within `seconds`; nothing when it never changed.
template <class Of>
std::optional<Move> last_move(const Input& in, double seconds, Of of) {
  std::optional<Move> move;
  std::optional<Snapshot<Server>> previous;
  for (const auto& answer : in.series(server, in.history().keep_seconds)) {
    if (answer.rows.empty()) continue;
    if (previous && of(previous->rows.front()) != of(answer.rows.front()))
      move = Move{previous->rows.front(), answer.rows.front(), previous->at, answer.at};
    previous = answer;
  }
  if (move && seconds_between(move->latest, in.at()) > seconds) move.reset();
  return move;
}

// A time on the server's clock, on ours: what the server said of it at `seen`.
inline Time on_our_clock(const Server& s, Time seen, double epoch) { return after(seen, epoch - s.now); }

}  // namespace pgvigil
