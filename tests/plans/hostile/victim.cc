#include "tests/plans/hostile/victim.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>

namespace pgvigil::hostile {

using test::Admin;

std::string make_database(Admin& admin, int major) {
  admin.run("create role vigil_reader login; create role vigil_super login superuser; create role vigil_hostile login");
  admin.run("grant pg_monitor to vigil_reader");
  if (major >= 14) admin.run("grant pg_read_all_data to vigil_reader");
  admin.run(std::string("create database ") + kDatabase + " owner vigil_hostile");
  admin.run("alter role vigil_hostile set search_path = evil, pg_catalog");
  Admin db(std::string("dbname=") + kDatabase);
  for (const char* name : {"pg_stat_statements", "dblink", "postgres_fdw", "file_fdw"})
    db.run(std::string("create extension if not exists ") + name, true);
  db.run("grant usage on foreign data wrapper postgres_fdw to vigil_hostile", true);
  return db.run("select ' ' || string_agg(extname, ' ') || ' ' from pg_extension");
}

void make_objects(Admin& db, const Corpus& corpus, const std::string& data_directory, int major) {
  db.run("set role vigil_hostile; create schema app; create schema evil; grant usage on schema app, evil to public");
  db.run(R"(
create table app.orders (id bigint primary key, customer bigint, state text, secret text);
insert into app.orders select i, i % 100, case when i % 10 = 0 then 'open' else 'done' end, 'c4nary'
  from generate_series(1, 5000) i;
create table app.loot (v text); create table app.elsewhere_only (id int); create sequence app.numbers;
analyze app.orders;
create procedure evil.committing() language plpgsql as
  'begin insert into app.loot values (''planted''); commit; end';
create function evil.act(what text) returns bool volatile language plpgsql as $hostile$ begin
  if session_user not in ('vigil_reader', 'vigil_super') then return true; end if;
  raise log 'hostile object %', what;
  perform pg_catalog.set_config('enable_seqscan', 'off', false), pg_catalog.set_config('work_mem', '1MB', false),
          pg_catalog.pg_advisory_lock(4711);
  execute 'listen vigil_hostile'; execute 'notify vigil_hostile, ''planted''';
  execute 'declare planted cursor with hold for select 1';
  return true;
exception when duplicate_cursor then return true;
end $hostile$;
create function evil.say(text) returns text immutable language plpgsql as
  'begin perform evil.act($1); return $1; end';
create function evil.quiet(text) returns bool immutable language plpgsql as
  'begin perform evil.act($1); return true; end')");
  for (const std::string& sql : corpus.setup) db.run(sql);
  db.run(
      "grant all on all tables in schema app to public; grant all on all tables in schema evil to public; "
      "grant all on all sequences in schema app to public; reset role");
  if (db.run("select count(*) from pg_extension where extname = 'file_fdw'") == "1")
    db.run(
        "create server files foreign data wrapper file_fdw; create foreign table app.in_file (a text) server files "
        "options (filename '" +
        data_directory + "/PG_VERSION'); grant select on app.in_file to public");
  if (major < 14) db.run("grant select on all tables in schema app to vigil_reader");
}

void Silent::open() {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  ::setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port_));
  socklen_t size = sizeof address;
  auto* where = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket_, where, size) != 0 || ::listen(socket_, 8) != 0 || ::getsockname(socket_, where, &size) != 0)
    throw std::runtime_error("no port to listen on");
  port_ = ntohs(address.sin_port);
}
void Silent::hang_up() {
  ::close(socket_);
  open();
}
Silent::~Silent() { ::close(socket_); }

Watcher::Watcher(std::string role)
    : thread_([this, role = std::move(role)] {
        std::optional<Admin> admin(std::in_place);
        // Under whatever name: a function may have changed that.
        const std::string count = "select count(*) from pg_stat_activity where usename = '" + role + "'";
        while (!end_) {
          try {
            if (!admin) admin.emplace();
            most_ = std::max(most_.load(), std::stoi(admin->run(count)));
          } catch (const std::runtime_error&) {
            admin.reset();  // the server restarts: the fingerprint tells of that
          }
          std::this_thread::sleep_for(Milliseconds(15));
        }
      }) {}
Watcher::~Watcher() {
  end_ = true;
  thread_.join();
}

}  // namespace pgvigil::hostile
