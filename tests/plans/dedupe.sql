-- title: all but the newest of each key are deleted
-- verdict: rightful
-- setup:
CREATE TABLE snapshots (id bigint PRIMARY KEY, key text, body text);
INSERT INTO snapshots SELECT i, 'k' || i % 100000, repeat('b', 100) FROM generate_series(1, 120000) i;
ANALYZE;
-- query:
DELETE FROM snapshots WHERE id NOT IN (SELECT max(id) FROM snapshots GROUP BY key);
