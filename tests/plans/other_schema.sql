-- title: a table of another schema
-- verdict: harmful
-- object: archive.docs
-- cure: archive.docs (dump_id, path) | archive.docs (path, dump_id) | archive.docs (path)
-- setup:
CREATE TABLE docs (dump_id integer, path text, data text);
INSERT INTO docs SELECT i % 500, 'src/' || i % 4000 || '/' || i || '.go', repeat(md5(i::text), 4) FROM generate_series(1, 120000) i;
ANALYZE docs;
CREATE SCHEMA archive; CREATE TABLE archive.docs AS SELECT * FROM docs; CREATE INDEX ON docs (dump_id, path); ANALYZE;
-- query:
SELECT data FROM archive.docs WHERE dump_id = $1 AND path = $2;
-- truth:
SELECT data FROM archive.docs WHERE dump_id = 7 AND path = 'src/7/7.go';
