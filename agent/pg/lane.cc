#include "agent/pg/lane.h"

namespace pgvigil::pg {

namespace asio = boost::asio;

asio::awaitable<std::optional<ConnectError>> Lane::open(Conninfo where, Milliseconds deadline) {
  if (is_open_to(where.dbname())) co_return std::nullopt;
  co_await close();
  auto connected = co_await Session::connect(executor_, where, Clock::now() + deadline, counters_);
  if (!connected) co_return connected.error();
  session_ = std::move(*connected);
  extensions_at_.reset();
  co_return std::nullopt;
}

asio::awaitable<void> Lane::close() {
  if (is_open()) co_await session_->close(Clock::now() + Milliseconds(300));
  session_.reset();
}

void Lane::swap_sessions(Lane& other) {
  std::swap(session_, other.session_);
  std::swap(extensions_, other.extensions_);
  std::swap(extensions_at_, other.extensions_at_);
}

void Lane::note_end() {
  if (session_ == nullptr || session_->open()) return;
  if (session_->abandoned()) abandoned.push_back({session_->backend_pid(), Clock::now()});
  session_.reset();
}

asio::awaitable<std::vector<Outcome>> Lane::fly(std::vector<Ask> asks, Milliseconds deadline) {
  if (session_->server_encoding() == "SQL_ASCII")
    for (Ask& a : asks) a.raw_bytes = true;
  auto all = co_await pg::fly(*session_, std::move(asks), Clock::now() + deadline);
  note_end();
  co_return all;
}

asio::awaitable<void> Lane::learn_extensions() {
  if (extensions_at_ && Clock::now() - *extensions_at_ < std::chrono::minutes(1)) co_return;
  std::vector<Ask> asks(1);
  asks[0].sql =
      "select e.extname, pg_catalog.quote_ident(n.nspname) from pg_catalog.pg_extension e "
      "join pg_catalog.pg_namespace n on n.oid = e.extnamespace";
  const auto all = co_await fly(std::move(asks), Milliseconds(800));
  if (!all[0].ok || all[0].sheet.columns.size() != 2) co_return;
  extensions_.clear();
  for (const auto& row : all[0].sheet.rows) extensions_.emplace(row[0].value_or(""), row[1].value_or(""));
  extensions_at_ = Clock::now();
}

std::optional<std::string> Lane::extension_schema(std::string_view name) const {
  const auto it = extensions_.find(name);
  return it == extensions_.end() ? std::nullopt : std::optional<std::string>(it->second);
}

}  // namespace pgvigil::pg
