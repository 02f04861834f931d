-- title: the newest of each kind of one account by a window
-- verdict: harmful
-- object: entries
-- cure: entries (account_id) | entries (account_id, kind, made_at) | entries (account_id, kind) | entries (account_id, made_at)
-- setup:
CREATE TABLE entries (id bigint PRIMARY KEY, account_id bigint, kind text, made_at timestamptz, note text);
INSERT INTO entries SELECT i, i % 5000, 'k' || i % 7, now() - i * interval '1 s', repeat('n', 90) FROM generate_series(1, 150000) i;
ANALYZE;
-- query:
SELECT * FROM (SELECT id, kind, row_number() OVER (PARTITION BY account_id, kind ORDER BY made_at DESC) AS n FROM entries WHERE account_id = $1) e WHERE n = 1;
-- truth:
SELECT * FROM (SELECT id, kind, row_number() OVER (PARTITION BY account_id, kind ORDER BY made_at DESC) AS n FROM entries WHERE account_id = 7) e WHERE n = 1;
