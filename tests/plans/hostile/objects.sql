-- Ways by which a function gets run without being called in the query's text, or without being immutable. Each object is
-- made by the hostile role; the texts below it must reach evil.act (volatile), mostly through evil.quiet (immutable, of
-- any type one needs). Marks as in functions.sql (row security is none for a superuser); "no call": nothing of it may
-- run at all.

-- object: sql_function
create function evil.inlined(text) returns text immutable language sql as 'select evil.say($1)';
-- text: select id from app.orders where state = evil.inlined('sql_function')

-- object: sql_function_that_writes | no call
create function evil.sql_write() returns text immutable language sql as
  'insert into app.loot values (''planted'') returning v';
-- text: select id from app.orders where state = evil.sql_write()

-- object: stable_function
create function evil.stable_say(text) returns text stable language plpgsql as 'begin return evil.say($1); end';
-- text: select id from app.orders where state = evil.stable_say('stable_function')
-- text: select id from app.orders where id < length(evil.stable_say('stable_function'))

-- object: function_with_settings
create function evil.with_settings(text) returns text immutable set work_mem = '1MB' set enable_seqscan = off
  language plpgsql as 'begin return evil.say($1); end';
-- text: select evil.with_settings('function_with_settings')

-- object: default_argument
create function evil.defaulted(a text default evil.say('default_argument')) returns text immutable language plpgsql as
  'begin return a; end';
-- text: select evil.defaulted()

-- object: variadic
create function evil.many(variadic text[]) returns text immutable language plpgsql as
  'begin return evil.say($1[1]); end';
-- text: select evil.many('variadic', 'b', 'c')

-- object: returns_record | no call
create function evil.pair(out a text, out b text) immutable language plpgsql as
  'begin a := evil.say(''returns_record''); b := a; end';
-- text: select (evil.pair()).a
-- text: select * from evil.pair()

-- object: prefix_operator
create operator evil.!!! (rightarg = text, function = evil.say);
-- text: select id from app.orders where state = (operator(evil.!!!) 'prefix_operator')

-- object: operator_on_common_values
create function evil.same(text, text) returns bool volatile language plpgsql as
  'begin return evil.act(''operator_on_common_values''); end';
create operator evil.=== (leftarg = text, rightarg = text, function = evil.same, restrict = eqsel, join = eqjoinsel);
-- text: select id from app.orders where state operator(evil.===) 'done'
-- text: select count(*) from app.orders a join app.orders b on a.state operator(evil.===) b.state

-- object: operator_on_histogram
create function evil.less(bigint, bigint) returns bool volatile language plpgsql as
  'begin return evil.act(''operator_on_histogram''); end';
create operator evil.<<< (leftarg = bigint, rightarg = bigint, function = evil.less, restrict = scalarltsel);
-- text: select state from app.orders where id operator(evil.<<<) 100::bigint

-- object: pattern_operator
create function evil.matches(text, text) returns bool volatile language plpgsql as
  'begin return evil.act(''pattern_operator''); end';
create operator evil.~~~ (leftarg = text, rightarg = text, function = evil.matches, restrict = contsel);
create operator evil.~~~~ (leftarg = text, rightarg = text, function = evil.matches, restrict = matchingsel);
-- text: select id from app.orders where state operator(evil.~~~~) 'd%'

-- object: cast
create type evil.wrapped as (a text);
create function evil.wrap(text) returns evil.wrapped immutable language plpgsql as
  'begin return row(evil.say($1))::evil.wrapped; end';
create cast (text as evil.wrapped) with function evil.wrap(text) as implicit;
-- text: select 'cast'::text::evil.wrapped

-- object: domain_in_array
create domain evil.watched as text check (evil.act('domain_in_array'));
-- text: select '{x}'::evil.watched[]
-- text: select id from app.orders where state = any ('{x}'::evil.watched[]::text[])

-- object: domain_of_parameter
create domain evil.watched_parameter as text check (evil.act('domain_of_parameter'));
-- text: select $1::evil.watched_parameter
-- text: select id from app.orders where state = $1::evil.watched_parameter and id = $2

-- object: domain_in_composite
create domain evil.watched_field as text check (evil.act('domain_in_composite'));
create type evil.fields as (a evil.watched_field, b int);
-- text: select '(x,1)'::evil.fields

-- object: domain_in_range
create domain evil.watched_bound as int check (evil.act('domain_in_range'));
create type evil.bounds as range (subtype = evil.watched_bound);
-- text: select '[1,5)'::evil.bounds @> 3::evil.watched_bound

-- object: domain_default
create domain evil.watched_default as text default evil.say('domain_default') check (evil.quiet('domain_default'));
create table app.with_domain (a evil.watched_default, b int);
-- text: select * from app.with_domain where a = 'x'
-- text: select * from app.with_domain where a::text = evil.say('domain_default')

-- object: aggregate_start
create domain evil.watched_state as text check (evil.act('aggregate_start'));
create function evil.step(evil.watched_state, int) returns evil.watched_state immutable language sql as 'select $1';
create aggregate evil.gather(int) (sfunc = evil.step, stype = evil.watched_state, initcond = 'x');
-- text: select evil.gather(id::int) from app.orders

-- object: row_security | ours only
create table app.guarded (a text, b int);
alter table app.guarded enable row level security;
create policy watched on app.guarded using (evil.quiet('row_security'));
-- text: select * from app.guarded where b = $1

-- object: view
create view app.seen as select id, state from app.orders where evil.quiet('view') and state = evil.say('view');
-- text: select * from app.seen where id = $1

-- object: barrier_view
create view app.barrier with (security_barrier) as select id from app.orders where state = evil.say('barrier_view');
-- text: select * from app.barrier where id = 7

-- object: materialized_view
create materialized view app.kept as select id from app.orders;
create index kept_watched on app.kept (id) where evil.quiet('materialized_view');
-- text: select * from app.kept where id = 7

-- object: rule | no call
create table app.ruled (a int);
create rule planted as on insert to app.ruled do also insert into app.loot values (evil.say('rule'));
create rule instead as on update to app.ruled do instead delete from app.loot where v = evil.say('rule');
-- text: insert into app.ruled values (1)
-- text: update app.ruled set a = 1 where a = 2

-- object: partial_index
create table app.indexed as select i as a, i % 10 as b from generate_series(1, 1000) i;
create index on app.indexed (a) where evil.quiet('partial_index') and b = length(evil.say('partial_index'));
-- text: select * from app.indexed where a = 1 and b = 2

-- object: index_expression
create table app.computed as select i as a from generate_series(1, 1000) i;
create index on app.computed ((a + length(evil.say('index_expression'))));
analyze app.computed;
-- text: select * from app.computed where a + 1 = 5

-- object: check_constraint
create table app.parent (a int);
create table app.child (check (a > 0 and evil.quiet('check_constraint'))) inherits (app.parent);
-- text: select * from app.parent where a = -1

-- object: partition_key
create function evil.key(int) returns int immutable language plpgsql as
  'begin perform evil.say(''partition_key''); return $1; end';
create table app.cut (a int) partition by list (evil.key(a));
create table app.cut_1 partition of app.cut for values in (1);
-- text: select * from app.cut where evil.key(a) = evil.key(1)

-- object: column_default | no call
create table app.defaulted (a int, b text default evil.say('column_default'));
-- text: insert into app.defaulted (a) values (1)

-- object: generated_column
create table app.generated (a int, b text generated always as (evil.say('generated_column')) stored);
-- text: update app.generated set a = 2 where b = evil.say('generated_column')

-- object: virtual_column | from 18, no call
create table app.virtual (a int, b int generated always as (a + 1) virtual);
-- text: select b from app.virtual where b = 2

-- object: extended_statistics | from 14
create table app.measured as select i % 10 as a, i % 7 as b from generate_series(1, 1000) i;
create statistics app.planted on a, (b + length(evil.say('extended_statistics'))) from app.measured;
analyze app.measured;
-- text: select * from app.measured where a = 1 and b = 2

-- object: trigger | no call
create function evil.fired() returns trigger language plpgsql as
  'begin perform evil.act(''trigger''); return new; end';
create table app.triggered (a int);
create trigger planted before insert or update on app.triggered for each row execute function evil.fired();
-- text: insert into app.triggered values (1)
-- text: update app.triggered set a = 1

-- object: limit_and_sample
create function evil.count(text) returns int immutable language plpgsql as
  'begin perform evil.say($1); return 5; end';
-- text: select * from app.orders limit evil.count('limit_and_sample')
-- text: select * from app.orders tablesample system (evil.count('limit_and_sample'))
-- text: select * from generate_series(1, evil.count('limit_and_sample'))
-- text: select sum(id) over (order by id rows evil.count('limit_and_sample') preceding) from app.orders

-- object: shadows
create function evil.lower(text) returns text immutable language plpgsql as 'begin return evil.say(''shadows''); end';
create function evil.eq(bigint, bigint) returns bool immutable language plpgsql as
  'begin return evil.quiet(''shadows''); end';
create operator evil.= (leftarg = bigint, rightarg = bigint, function = evil.eq);
-- text: select lower('X') from app.orders where id = 1 and 2::bigint = 3::bigint

-- object: shadows_of_ours | no call
create function evil.joined(text, text) returns text volatile language plpgsql as
  'begin perform evil.act(''shadows_of_ours''); return ''evil''; end';
create function evil.same_name(name, text) returns bool volatile language plpgsql as
  'begin perform evil.act(''shadows_of_ours''); return true; end';
create operator evil.|| (leftarg = text, rightarg = text, function = evil.joined);
create function evil.pg_advisory_unlock_all() returns void volatile language plpgsql as
  'begin perform evil.act(''shadows_of_ours''); end';
-- text: select * from elsewhere_only where id = 1

-- object: shadowing_types | no call
create domain evil.int4 as pg_catalog.int4 check (evil.act('shadowing_types'));
create table evil.pg_roles as select 'x'::name as rolname;
-- text: select $1 + 1 from app.orders where id = $2

-- object: foreign_table | needs postgres_fdw, holds
create server silent foreign data wrapper postgres_fdw options (host '127.0.0.1', port '{port}', use_remote_estimate 'true');
create user mapping for public server silent options (user 'x', password 'x');
create foreign table app.far (a int, b int) server silent;
-- text: select * from app.far where a = 1

-- object: file_table | needs file_fdw, no call
-- text: select * from app.in_file where a = '1'
