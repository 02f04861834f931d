// Opening a connection: names resolved by Asio, addresses tried one by one, each step under our own deadline
// (libpq's asynchronous path knows none).
#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "agent/pg/session.h"

namespace pgvigil::pg {

namespace asio = boost::asio;
using boost::system::error_code;
using Kind = ConnectError::Kind;
using Places = boost::system::result<std::vector<Conninfo::Place>, ConnectError>;

namespace {

// getaddrinfo runs on Asio's own thread and cannot be stopped there: at the deadline we stop waiting for it.
asio::awaitable<Places> resolve(asio::any_io_executor executor, Conninfo where, Conninfo::Place place,
                                Clock::time_point deadline) {
  error_code literal;
  if (!place.local && place.address.empty()) {
    asio::ip::make_address(place.host, literal);
    if (!literal) place.address = place.host;
  }
  if (place.local || !place.address.empty()) co_return std::vector<Conninfo::Place>{place};

  struct State {
    explicit State(const asio::any_io_executor& e) : resolver(e), timer(e) {}
    asio::ip::tcp::resolver resolver;
    asio::steady_timer timer;
    bool done = false;
    error_code error;
    std::vector<std::string> addresses;
  };
  const auto state = std::make_shared<State>(executor);
  state->timer.expires_at(deadline);
  state->resolver.async_resolve(place.host, place.port,
                                [state](error_code error, asio::ip::tcp::resolver::results_type found) {
                                  state->done = true;
                                  state->error = error;
                                  for (const auto& entry : found)
                                    state->addresses.push_back(entry.endpoint().address().to_string());
                                  state->timer.cancel();
                                });
  error_code ignored;
  co_await state->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (!state->done) {
    state->resolver.cancel();
    co_return connect_error(Kind::resolve, where,
                            fmt::format("no answer from the name service for host \"{}\"", place.host));
  }
  if (state->error || state->addresses.empty())
    co_return connect_error(Kind::resolve, where,
                            fmt::format("host \"{}\" cannot be resolved: {}", place.host, state->error.message()));
  std::vector<Conninfo::Place> all;
  for (const std::string& address : state->addresses) {
    all.push_back(place);
    all.back().address = address;
  }
  co_return all;
}

// Another address cannot cure a wrong password or a missing database.
bool worth_another(Kind kind) {
  return kind != Kind::auth && kind != Kind::no_database && kind != Kind::too_many_connections &&
         kind != Kind::bad_conninfo;
}

}  // namespace

asio::awaitable<Session::Connected> Session::knock(asio::any_io_executor executor, Conninfo where,
                                                   Conninfo::Place place, std::string attributes,
                                                   Clock::time_point deadline, std::shared_ptr<Counters> counters) {
  auto parameters = where.parameters();
  const auto set = [&](const char* key, const std::string& value) {
    std::erase_if(parameters, [&](const auto& p) { return p.first == key; });
    parameters.emplace_back(key, value);
  };
  const auto set_default = [&](const char* key, const char* value) {
    if (std::none_of(parameters.begin(), parameters.end(), [&](const auto& p) { return p.first == key; }))
      parameters.emplace_back(key, value);
  };
  if (!place.host.empty()) set("host", place.host);
  set("hostaddr", place.address);
  set("port", place.port);
  if (!where.dbname().empty()) set("dbname", where.dbname());
  if (!attributes.empty()) set("target_session_attrs", attributes);
  set("application_name", where.application());
  set("client_encoding", "UTF8");
  set_default("keepalives_idle", "10");
  set_default("keepalives_interval", "5");
  set_default("keepalives_count", "3");
  set_default("tcp_user_timeout", "15000");
  std::vector<const char*> keys, values;
  for (const auto& [key, value] : parameters) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);

  std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectStartParams(keys.data(), values.data(), 0),
                                                          &PQfinish);
  if (!connection) co_return connect_error(Kind::other, where, "out of memory");
  PQsetErrorVerbosity(connection.get(), PQERRORS_VERBOSE);  // the only way to see a SQLSTATE at log-in
  PQsetNoticeProcessor(
      connection.get(), [](void*, const char*) {}, nullptr);
  bool good = PQstatus(connection.get()) != CONNECTION_BAD;
  for (PostgresPollingStatusType step = PGRES_POLLING_WRITING; good && step != PGRES_POLLING_OK;) {
    const auto waiter = std::make_unique<Waiter>(executor, PQsocket(connection.get()));  // libpq may change sockets
    if (waiter->descriptor() < 0)
      co_return connect_error(Kind::other, where, "no file descriptor left for the connection");
    if (!co_await waiter->ready(step == PGRES_POLLING_READING, step != PGRES_POLLING_READING, deadline))
      co_return connect_error(Kind::timeout, where, "no answer in time");
    step = PQconnectPoll(connection.get());
    good = step != PGRES_POLLING_FAILED;
  }
  if (!good) {
    const char* password = PQpass(connection.get());
    auto error = classify(where, PQerrorMessage(connection.get()));
    error.message = where.without_secrets(error.message, password == nullptr ? "" : password);
    co_return error;
  }
  if (PQserverVersion(connection.get()) < 130000)
    co_return connect_error(
        Kind::other, where,
        fmt::format("the server is version {}; 13 is the oldest supported", PQserverVersion(connection.get()) / 10000));
  std::unique_ptr<Session> session(new Session(executor, connection.release(), std::move(counters)));
  if (session->waiter_->descriptor() < 0)
    co_return connect_error(Kind::other, where, "no file descriptor left for the connection");
  co_return session;
}

asio::awaitable<Session::Connected> Session::connect(asio::any_io_executor executor, Conninfo where,
                                                     Clock::time_point deadline, std::shared_ptr<Counters> counters) {
  std::vector<std::string> passes{""};
  if (where.session_attributes() == "prefer-standby") passes = {"standby", "any"};  // libpq sees one place at a time
  std::optional<ConnectError> first;
  for (const std::string& attributes : passes) {
    auto places = where.places();
    for (std::size_t i = 0; i < places.size(); ++i) {
      const auto share = [&](std::size_t parts) {
        return Clock::now() + (deadline - Clock::now()) / static_cast<int>(std::max<std::size_t>(parts, 1));
      };
      const auto resolve_by = share(places.size() - i);
      Places found = co_await resolve(executor, where, places[i], resolve_by);
      if (!found) {
        if (!first) first = found.error();
        continue;
      }
      for (std::size_t k = 0; k < found->size(); ++k) {
        const auto by = share(found->size() - k + places.size() - i - 1);
        Connected connected = co_await knock(executor, where, (*found)[k], attributes, by, counters);
        if (connected) co_return connected;
        const ConnectError error = connected.error();
        if (!worth_another(error.kind)) co_return error;
        if (!first) first = error;
      }
    }
  }
  if (!first) co_return connect_error(Kind::other, where, "no host given");
  co_return *first;
}

}  // namespace pgvigil::pg
