-- title: the first by a number within JSON
-- verdict: harmful
-- object: items
-- cure: items (((data ->> 'rank')::integer))
-- setup:
CREATE TABLE items (id bigint PRIMARY KEY, data jsonb);
INSERT INTO items SELECT i, jsonb_build_object('rank', (i::bigint * 7919) % 100003, 'pad', repeat('p', 90)) FROM generate_series(1, 120000) i;
ANALYZE;
-- query:
SELECT id FROM items ORDER BY (data ->> 'rank')::integer DESC LIMIT $1;
-- truth:
SELECT id FROM items ORDER BY (data ->> 'rank')::integer DESC LIMIT 10;
