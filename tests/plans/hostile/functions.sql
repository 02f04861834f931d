-- What an ordinary role may hide in a function that says it is immutable: planning a query that calls it runs it, with
-- the rights of whoever explains. One body of PL/pgSQL each; corpus.cc wraps it into a volatile function NAME_act and an
-- immutable NAME that calls it, and explains "select id from app.orders where state = evil.NAME()".
-- Marks: "from N": major version. "needs X": an extension. "ours only": with a superuser's rights it reaches what no
-- rollback gives back, which is why a superuser is refused. "holds": the server cannot end it; others have to wait.
-- "floods": answers too much.

-- function: insert
insert into app.loot values ('planted');

-- function: insert_and_forgive
begin insert into app.loot values ('planted'); exception when others then null; end;

-- function: update
update app.orders set state = 'hacked';

-- function: delete
delete from app.orders;

-- function: truncate
truncate app.loot;

-- function: create_table
create table app.planted (a int);

-- function: create_temp_table
create temp table planted (a int); insert into planted values (1);

-- function: create_table_as
execute 'create table app.planted as select 1';

-- function: select_into
execute 'select 1 as a into app.planted';

-- function: create_role
create role vigil_planted superuser;

-- function: grant_rights
execute 'grant all on app.loot to public';

-- function: drop_table
drop table app.loot;

-- function: alter_own_role
execute format('alter role %I set statement_timeout = 0', current_user);

-- function: comment
comment on table app.loot is 'planted';

-- function: next_value
perform nextval('app.numbers');

-- function: set_value
perform setval('app.numbers', 4711);

-- function: large_object
perform lo_create(0), lo_from_bytea(0, 'planted');

-- function: read_write
perform set_config('transaction_read_only', 'off', false);
insert into app.loot values ('planted');

-- function: read_write_next_time
perform set_config('default_transaction_read_only', 'off', false), set_config('session_replication_role', 'origin', false);

-- function: isolation
set transaction isolation level serializable;

-- function: settings
perform set_config('enable_seqscan', 'off', false), set_config('work_mem', '1MB', false),
        set_config('client_min_messages', 'debug1', false), set_config('bytea_output', 'escape', false),
        set_config('standard_conforming_strings', 'off', false), set_config('DateStyle', 'SQL', false),
        set_config('client_encoding', 'LATIN1', false), set_config('search_path', 'evil, pg_catalog', false),
        set_config('vigil.planted', 'yes', false);

-- function: settings_by_statement
execute 'set session timezone to ''Asia/Kolkata'''; execute 'reset all';

-- function: no_limits
perform set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false),
        set_config('idle_in_transaction_session_timeout', '1', false);
perform pg_sleep(30);

-- function: short_limits
perform set_config('statement_timeout', '1', false), set_config('idle_in_transaction_session_timeout', '1', false);

-- function: other_name
perform set_config('application_name', 'psql', false);

-- function: other_role
execute 'set role pg_read_all_settings';

-- function: other_authorization
execute 'set session authorization vigil_hostile';

-- function: advisory_lock
perform pg_advisory_lock(4711), pg_advisory_lock(4711), pg_advisory_lock_shared(1, 2);

-- function: advisory_lock_transaction
perform pg_advisory_xact_lock(4712), pg_try_advisory_xact_lock_shared(4713);

-- function: advisory_lock_held
perform pg_advisory_lock(815);

-- function: locks_and_deallocates
perform pg_advisory_lock(4711);
execute 'deallocate all';

-- function: prepares
execute 'prepare planted as select 1'; execute 'prepare "pgvigil_planted" as insert into app.loot values (''planted'')';

-- function: prepares_ours
declare ours text;
begin
  for ours in select name from pg_prepared_statements loop
    execute format('deallocate %I', ours);
    execute format('prepare %I as insert into app.loot values (''planted'')', ours);
  end loop;
end;

-- function: executes_prepared
execute 'prepare planted as insert into app.loot values (''planted'')'; execute 'execute planted';

-- function: deallocates
execute 'deallocate all';

-- function: discards_all
execute 'discard all';

-- function: discards_parts
execute 'discard plans'; execute 'discard sequences'; execute 'discard temp';

-- function: cursor_with_hold
execute 'declare planted cursor with hold for select generate_series(1, 10)';

-- function: listens
execute 'listen vigil_hostile'; execute 'notify vigil_hostile, ''planted''';

-- function: notifies
perform pg_notify('vigil_hostile', 'planted');

-- function: commits
execute 'commit'; insert into app.loot values ('planted');

-- function: commits_plainly
commit; insert into app.loot values ('planted');

-- function: rolls_back
execute 'rollback to savepoint foreign_text'; execute 'release savepoint foreign_text';

-- function: calls_committing_procedure
call evil.committing();

-- function: prepares_transaction
execute 'prepare transaction ''planted''';

-- function: locks_table
execute 'lock table app.loot in access exclusive mode';

-- function: row_locks
perform 1 from app.orders where id < 100 for update;

-- function: transaction_id
perform txid_current();

-- function: exports_snapshot
perform pg_export_snapshot();

-- function: sleeps
perform pg_sleep(60);

-- function: sleeps_and_swallows
loop begin perform pg_sleep(60); exception when query_canceled then null; end; end loop;

-- function: sleeps_under_another_name
perform set_config('application_name', 'psql', false), pg_advisory_lock(4711);
loop begin perform pg_sleep(60); exception when query_canceled then null; end; end loop;

-- function: loops
loop end loop;

-- function: loops_and_swallows
loop begin loop end loop; exception when query_canceled then null; end; end loop;

-- function: recursion
perform evil.recursion_act();

-- function: much_memory
perform length(repeat('x', 300000000));

-- function: too_much_memory
perform array_agg(repeat('x', 1000000)) from generate_series(1, 1000);

-- function: temp_files
perform set_config('work_mem', '64kB', false);
perform count(*) from (select g from generate_series(1, 3000000) g order by md5(g::text) offset 1) s;

-- function: raises
raise exception 'planted %', repeat('x', 100000) using errcode = '57P01', hint = 'c4nary', detail = 'c4nary';

-- function: raises_value
raise exception 'planted c4nary';

-- function: raises_as_privilege
raise exception 'no access for %', 'c4nary' using errcode = 'insufficient_privilege', hint = 'c4nary', detail = 'c4nary';

-- function: raises_as_value
raise exception 'c4nary is no state' using errcode = '22023';

-- function: raises_cancel
raise exception 'planted' using errcode = '57014';

-- function: raises_class
raise exception 'planted' using errcode = '08006';

-- function: notice_flood
for i in 1 .. 20000 loop raise notice '% %', i, repeat('x', 500); end loop;

-- function: notice_flood_endless | floods
loop begin loop raise notice '%', repeat('x', 1000); end loop; exception when query_canceled then null; end; end loop;

-- function: notice_drip
loop begin loop raise notice 'x'; perform pg_sleep(0.001); end loop; exception when query_canceled then null; end; end loop;

-- function: status_flood
for i in 1 .. 20000 loop perform set_config('application_name', concat('x', i), false); end loop;

-- function: terminates_itself
perform pg_terminate_backend(pg_backend_pid());

-- function: terminates_our_other
perform pg_terminate_backend(pid) from pg_stat_activity where usename = session_user and pid <> pg_backend_pid();

-- function: terminates_others | ours only
perform pg_terminate_backend(pid) from pg_stat_activity where usename is distinct from session_user;

-- function: cancels_itself
perform pg_cancel_backend(pg_backend_pid()); perform pg_sleep(10);

-- function: copies_to_file | ours only
execute format('copy (select 1) to %L', concat(current_setting('data_directory'), '/planted'));

-- function: copies_to_program | ours only
execute format('copy (select 1) to program %L', concat('cat > ', current_setting('data_directory'), '/planted'));

-- function: copies_from_program
execute 'copy app.loot from program ''echo planted''';

-- function: exports_large_object | ours only
perform lo_export(lo_from_bytea(0, 'planted'), concat(current_setting('data_directory'), '/planted'));

-- function: reads_files
perform pg_read_file('PG_VERSION');

-- function: resets_statistics | ours only
perform pg_stat_reset(), pg_stat_reset_shared('bgwriter');

-- function: resets_statements | ours only
perform public.pg_stat_statements_reset();

-- function: reloads | ours only
perform pg_reload_conf();

-- function: alters_system
execute 'alter system set work_mem = ''1MB''';

-- function: replication_slot | ours only
perform pg_create_physical_replication_slot('planted');

-- function: switches_wal
perform pg_create_restore_point('planted');

-- function: loads_library
execute 'load ''$libdir/plugins/nothing''';

-- function: other_connection | needs dblink, ours only
perform public.dblink_exec(format('host=127.0.0.1 port=%s dbname=%s user=vigil_hostile password=x', current_setting('port'),
                                  current_database()), 'insert into app.loot values (''planted'')');

-- function: silent_connection | needs dblink, holds
perform public.dblink_connect('vigil', 'host=127.0.0.1 port={port} user=x password=x');
