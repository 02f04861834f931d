-- title: a word anywhere without pg_trgm
-- verdict: harmful
-- object: docs
-- cure: none: rewrite
-- setup:
CREATE TABLE docs (dump_id integer, path text, data text);
INSERT INTO docs SELECT i % 500, 'src/' || i % 4000 || '/' || i || '.go', repeat(md5(i::text), 4) FROM generate_series(1, 120000) i;
ANALYZE docs;
-- query:
SELECT dump_id FROM docs WHERE path LIKE '%/77/777%';
