-- title: a tsvector column
-- verdict: harmful
-- object: pages
-- cure: pages USING gin (search) | pages USING gist (search)
-- setup:
CREATE TABLE pages (id integer, search tsvector, pad text);
INSERT INTO pages SELECT i, to_tsvector('simple', 'w' || i % 5000 || ' common'), repeat('p', 90) FROM generate_series(1, 120000) i;
ANALYZE pages;
-- query:
SELECT id FROM pages WHERE search @@ to_tsquery($1);
-- truth:
SELECT id FROM pages WHERE search @@ to_tsquery('simple', 'w77');
