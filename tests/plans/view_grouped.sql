-- title: one group of a view that sums up
-- verdict: harmful
-- object: entries
-- cure: entries (account_id)
-- setup:
CREATE TABLE entries (id bigint PRIMARY KEY, account_id bigint, amount numeric, note text);
INSERT INTO entries SELECT i, i % 15000, i % 99, repeat('n', 100) FROM generate_series(1, 150000) i;
CREATE VIEW balances AS SELECT account_id, sum(amount) AS balance, count(*) AS n FROM entries GROUP BY account_id;
ANALYZE;
-- query:
SELECT balance FROM balances WHERE account_id = $1;
-- truth:
SELECT balance FROM balances WHERE account_id = 4711;
