-- title: every row, as a dump reads them
-- verdict: rightful
-- setup:
CREATE TABLE docs (dump_id integer, path text, data text);
INSERT INTO docs SELECT i % 500, 'src/' || i % 4000 || '/' || i || '.go', repeat(md5(i::text), 4) FROM generate_series(1, 120000) i;
ANALYZE docs;
-- query:
SELECT * FROM docs;
