-- title: a worker's eighth of the rows, by the key's remainder
-- verdict: rightful
-- setup:
CREATE TABLE subscribers (id bigint PRIMARY KEY, email text NOT NULL, prefs text);
INSERT INTO subscribers SELECT i, 'user' || i || '@example.org', repeat('x', 110) FROM generate_series(1, 200000) i;
ANALYZE subscribers;
-- query:
SELECT id, email FROM subscribers WHERE id % 8 = 3;
