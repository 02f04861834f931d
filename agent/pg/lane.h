// One of the two connections of a target: opened when needed, moved between databases, taken in turns.
#pragma once

#include <map>
#include <optional>

#include "agent/pg/flight.h"

namespace pgvigil::pg {

class Lane {
 public:
  Lane(boost::asio::any_io_executor executor, std::shared_ptr<Counters> counters)
      : executor_(executor), counters_(std::move(counters)), door_(std::move(executor)) {}

  boost::asio::awaitable<Turnstile::Pass> enter() { return door_.enter(); }
  bool busy() const { return door_.busy(); }

  // Connected to where.dbname() afterwards, or the reason why not. What was open to another database is closed
  // before; never two at once.
  boost::asio::awaitable<std::optional<ConnectError>> open(Conninfo where, Milliseconds deadline);
  boost::asio::awaitable<void> close();
  // As pg::fly; notes the server process of a connection that had to be given up.
  boost::asio::awaitable<std::vector<Outcome>> fly(std::vector<Ask> asks, Milliseconds deadline);
  // Where an extension lives, quoted; none when this database does not have it. Asked again after a minute.
  boost::asio::awaitable<void> learn_extensions();
  std::optional<std::string> extension_schema(std::string_view name) const;

  bool is_open() const { return session_ != nullptr && session_->open(); }
  bool is_open_to(const std::string& database) const { return is_open() && session_->database() == database; }
  Session& session() { return *session_; }
  void give_up() {
    if (is_open()) session_->give_up();
  }                                 // the flight under way ends at once
  void swap_sessions(Lane& other);  // with both passes held
  void note_end();                  // after using session(): remembers an abandoned server process

  // Server processes that may live on after we gave up on them.
  struct Abandoned {
    int pid = 0;
    Clock::time_point at{};
    bool told = false;  // to end
  };
  std::vector<Abandoned> abandoned;

 private:
  boost::asio::any_io_executor executor_;
  std::shared_ptr<Counters> counters_;
  Turnstile door_;
  std::unique_ptr<Session> session_;
  std::map<std::string, std::string, std::less<>> extensions_;
  std::optional<Clock::time_point> extensions_at_;
};

}  // namespace pgvigil::pg
