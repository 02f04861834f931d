-- title: look-up by two columns on a table without an index
-- verdict: harmful
-- object: docs
-- cure: docs (dump_id, path) | docs (path, dump_id) | docs (path)
-- setup:
CREATE TABLE docs (dump_id integer, path text, data text);
INSERT INTO docs SELECT i % 500, 'src/' || i % 4000 || '/' || i || '.go', repeat(md5(i::text), 4) FROM generate_series(1, 120000) i;
ANALYZE docs;
-- query:
SELECT data FROM docs WHERE dump_id = $1 AND path = $2 LIMIT $3;
-- truth:
SELECT data FROM docs WHERE dump_id = 7 AND path = 'src/7/7.go' LIMIT 1;
