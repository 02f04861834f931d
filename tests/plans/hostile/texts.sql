-- Texts that try to break out of an EXPLAIN. A line "-- text: NAME = RESULT" before each; RESULT is "plan", or the reason
-- that must be given for having none; "" when either will do. {N*X} stands for X N times, {xHH..} for those bytes,
-- {ours} for a name as our own prepared statements have it. "from N" as in functions.sql.

-- text: plain = plan
select * from app.orders where id = 7
-- text: semicolon = plan
select * from app.orders where id = 7;
-- text: semicolons = plan
select 1;;;
-- text: several = several_statements
select 1; drop table app.loot
-- text: several_writes = several_statements
insert into app.loot values ('planted'); insert into app.loot values ('planted')
-- text: commit_and_write = several_statements
select 1; commit; insert into app.loot values ('planted'); begin
-- text: commit_first = several_statements
commit; begin read write; insert into app.loot values ('planted'); commit; begin
-- text: rollback_to_ours = several_statements
rollback to savepoint foreign_text; release savepoint foreign_text; insert into app.loot values ('planted')
-- text: commit = not_plannable
commit
-- text: rollback = not_plannable
rollback
-- text: abort_and_chain = not_plannable
rollback and chain
-- text: begin = not_plannable
begin read write
-- text: read_write = not_plannable
set transaction read write
-- text: savepoint = not_plannable
savepoint foreign_text
-- text: release = not_plannable
release savepoint foreign_text
-- text: prepare_transaction = not_plannable
prepare transaction 'planted'
-- text: our_wrapper = truncated
select 1) ; drop table app.loot; --
-- text: our_options = truncated
(analyze true) delete from app.orders
-- text: analyze_prefix = truncated
analyze delete from app.orders
-- text: explain_analyze = not_plannable
explain analyze delete from app.orders
-- text: explain_options = not_plannable
explain (analyze, buffers) insert into app.loot values ('planted')
-- text: explain_analyze_execute = not_plannable
explain analyze execute "{ours}"
-- text: execute = not_plannable
execute "{ours}"
-- text: prepare = not_plannable
prepare "{ours}" as insert into app.loot values ('planted')
-- text: deallocate = not_plannable
deallocate all
-- text: discard = not_plannable
discard all
-- text: copy_from = not_plannable
copy app.loot from stdin
-- text: copy_to_file =
copy (select * from app.orders) to '/tmp/vigil_hostile_planted'
-- text: copy_to_program =
copy (select 1) to program 'touch /tmp/vigil_hostile_planted'
-- text: copy_from_program = not_plannable
copy app.loot from program 'echo planted'
-- text: do_block = not_plannable
do $$ begin insert into app.loot values ('planted'); end $$
-- text: call = not_plannable
call evil.committing()
-- text: create_table = not_plannable
create table app.planted (a int)
-- text: create_table_as =
create table app.planted as select * from app.orders
-- text: create_table_as_execute = not_plannable
create table app.planted as execute "{ours}"
-- text: create_view_as =
create materialized view app.planted as select evil.insert()
-- text: select_into =
select * into app.planted from app.orders
-- text: cursor =
declare planted cursor with hold for select * from app.orders where id = $1
-- text: fetch = not_plannable
fetch all from planted
-- text: listen = not_plannable
listen vigil_hostile
-- text: notify = not_plannable
notify vigil_hostile, 'planted'
-- text: set = not_plannable
set session statement_timeout = 0
-- text: set_authorization = not_plannable
set session authorization default
-- text: reset = not_plannable
reset all
-- text: lock = not_plannable
lock table app.orders in access exclusive mode
-- text: vacuum = not_plannable
vacuum full app.orders
-- text: analyze = not_plannable
analyze app.orders
-- text: truncate = not_plannable
truncate app.loot
-- text: reindex = not_plannable
reindex database vigil_hostile
-- text: grant = not_plannable
grant vigil_hostile to public
-- text: alter_role = not_plannable
alter role current_user set statement_timeout = 0
-- text: alter_system = not_plannable
alter system set work_mem = '1MB'
-- text: checkpoint = not_plannable
checkpoint
-- text: load = not_plannable
load 'auto_explain'
-- text: insert = plan
insert into app.loot values ('planted') returning v
-- text: insert_select = plan
insert into app.loot select state from app.orders
-- text: upsert = plan
insert into app.orders values (1, 1, 'x', 'x') on conflict (id) do update set state = 'hacked'
-- text: update = plan
update app.orders set state = 'hacked' where id = 7 returning *
-- text: delete = plan
delete from app.orders using app.loot where state = v
-- text: merge = plan | from 15
merge into app.orders o using app.loot l on o.state = l.v when matched then delete
-- text: writing_cte = plan
with gone as (delete from app.orders returning *), new as (insert into app.loot select state from gone) select count(*) from gone
-- text: writing_cte_unused = plan
with planted as (insert into app.loot values ('planted')) select 1
-- text: row_locks = plan
select * from app.orders where id < 10 for update nowait
-- text: values = plan
values (1, 'a'), (2, 'b')
-- text: table = plan
table app.orders
-- text: volatile_calls = plan
select pg_sleep(60), nextval('app.numbers'), pg_advisory_lock(4711), set_config('work_mem', '1MB', false), lo_create(0), pg_notify('vigil_hostile', 'planted'), pg_terminate_backend(pg_backend_pid())
-- text: volatile_in_scalar = plan
select (select pg_sleep(60)) from app.orders where id = (select setval('app.numbers', 99))
-- text: volatile_in_limit = plan
select * from app.orders limit (select nextval('app.numbers'))
-- text: query_to_xml = plan
select query_to_xml('delete from app.orders', true, true, ''), database_to_xml(true, true, '')
-- text: dollar_quotes = plan
select $$ ; drop table app.loot; $$, $a$ $$ $b$ ; commit; $a$, $pgvigil$ $stmt$ $pgvigil$
-- text: dollar_quotes_odd_tags = plan
select $é$;commit;$é$, $_1$ $_1 $ $_1$, $A$ $a$ ; drop table app.loot; $A$
-- text: dollar_quote_open =
select $x$ ; drop table app.loot
-- text: dollar_quote_after_name =
select a$$ ; drop table app.loot; --$$
-- text: nested_comment = plan
select 1 /* a /* b */ ; drop table app.loot; /* c */ */
-- text: nested_comment_open = truncated
select 1 /* a /* b */ ; drop table app.loot
-- text: comment_closes_early = several_statements
select 1 /* a */ ; drop table app.loot /* */
-- text: line_comment = plan
select * from app.orders where id = 7 -- ; drop table app.loot
-- text: line_comment_at_end = plan
select 1 --
-- text: line_comment_carriage_return =
select 1 -- {x0d} ; drop table app.loot
-- text: only_a_comment =
-- ; nothing
-- text: hint_comment = plan
/*+ SeqScan(orders) */ select /* traceparent='00-ab' */ * from app.orders where id = 7
-- text: escape_string = plan
select E'\'; drop table app.loot; --', E'\\', E'\x27\047\u0027; commit; --'
-- text: backslash_plain = plan
select '\'
-- text: backslash_plain_games =
select '\'; drop table app.loot; --'
-- text: unicode_string = plan
select U&'\0027; drop table app.loot; --', U&'d!0061t' uescape '!'
-- text: unicode_identifier =
select U&"d\0061t\0061" from app.orders
-- text: unicode_bad = truncated
select U&'\D800'
-- text: quote_open = truncated
select 'x ; drop table app.loot
-- text: continued_string = plan
select 'a'
'; drop table app.loot; --'
-- text: bit_strings = plan
select B'101', X'1F', N'x'
-- text: identifier_quotes =
select 1 as "; drop table app.loot; --", 2 as "a""b"
-- text: empty =
;
-- text: zero_byte_in_front = syntax
{x00}select 1
-- text: zero_byte = syntax
select 1{x00}; drop table app.loot
-- text: zero_byte_in_string = syntax
select 'a{x00}b' from app.orders where id = 7
-- text: zero_byte_cuts_write = syntax
delete from app.orders{x00} where id = 7
-- text: invalid_utf8 =
select '{xff}{xfe}' from app.orders
-- text: invalid_utf8_open =
select 'x{xe2}{x82}
-- text: invalid_utf8_quote =
select '{xe2}'; drop table app.loot; --'
-- text: overlong =
select '{xc0}{xa7}; drop table app.loot; --'
-- text: shift_jis_backslash =
select '{x95}{x5c}'; drop table app.loot; --'
-- text: surrogate =
select '{xed}{xa0}{x80}'
-- text: byte_order_mark =
{xef}{xbb}{xbf}select 1
-- text: no_break_space =
select{xc2}{xa0}1
-- text: control_characters =
select 1{x0b}{x0c}{x1b}[2J
-- text: one_megabyte_string =
select '{1000000*x}' from app.orders
-- text: one_megabyte_comment =
select 1 /* {1000000*x} */
-- text: one_megabyte_of_statements =
{60000*select 1; }commit
-- text: long_explain_analyze =
explain analyze insert into app.loot values ('planted') /* {70000*x} */
-- text: long_write =
delete from app.orders where state in ('a'{20000*, 'b'}) or true
-- text: long_utility =
drop table app.loot /* {70000*x} */ cascade
-- text: long_several =
select '{70000*x}'; drop table app.loot
-- text: many_values = plan
select * from app.orders where id in (1{5000*, 2})
-- text: deep_parentheses =
select {10000*(}1{10000*)}
-- text: deep_parentheses_open = truncated
select {10000*(}1
-- text: deep_selects =
select {500*(select }1{500*)}
-- text: deep_case =
select {2000*case when true then }1{2000* end}
-- text: deep_not =
select {10000*not }true
-- text: deep_minus =
select {10000*- }1
-- text: deep_arrays =
select array{3000*[}1{3000*]}
-- text: long_sum =
select 1{20000*+1}
-- text: long_union =
select 1{1500* union all select 1}
-- text: many_joins =
select 1 from app.orders o0{60* cross join (select 1) x}
-- text: parameters_1000 = plan
select * from app.orders where id in ($1{999*, $1000})
-- text: parameters_5000 =
select $1::int{4999* + $5000}
-- text: parameter_0 =
select $0
-- text: parameter_65535 =
select $65535::int
-- text: parameter_65536 =
select $65536::int
-- text: parameter_huge =
select $4294967297, $99999999999999999999
-- text: parameter_after_name = plan
select o$1.id from app.orders o$1
-- text: parameter_untyped =
select $1, $2, $3 = $4, $5 is null
-- text: parameter_as_object = truncated
select * from $1 where $2
-- text: placeholder_null_trick = plan
select $1::text || '(); drop table app.loot; --' from app.orders where state = $2
-- text: large_constant =
select repeat('x', 45000000) from app.orders
-- text: wide_constants =
select array_fill(7, array[3000000])
-- text: slow_numeric | holds
select 1 where {3*mod((repeat('9', 131000) operator(pg_catalog.||) '.' operator(pg_catalog.||) repeat('3', 16383))::numeric, (repeat('7', 65000) operator(pg_catalog.||) '.' operator(pg_catalog.||) repeat('3', 16383))::numeric) + }1 = 1
-- text: slow_regex =
select 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab' ~ '^(((a+)+)+)+\1$'
-- text: catalog_secrets =
select rolpassword from pg_authid
-- text: nowhere = object_not_visible
select * from nowhere.at_all
-- text: wrong_cast =
select 'c4nary'::int
-- text: division_by_zero =
select 1 / 0
-- text: own_setting = plan
select * from app.orders where state = current_setting('shop.state')
-- text: own_settings_many = object_not_visible
select * from app.orders where state = current_setting('a.a') || current_setting('a.b') || current_setting('a.c') || current_setting('a.d') || current_setting('a.e') || current_setting('a.f') || current_setting('a.g') || current_setting('a.h') || current_setting('a.i')
-- text: own_setting_long = object_not_visible
select * from app.orders where state = current_setting('{1000*a.}a')
-- text: own_setting_quoted = object_not_visible
select * from app.orders where state = current_setting('a.b"; insert into app.loot values (''planted''); --')
-- text: own_setting_of_a_module =
select * from app.orders where state = current_setting('plpgsql.planted')
