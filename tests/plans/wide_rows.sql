-- title: a look-up in wide rows
-- verdict: harmful
-- object: blobs
-- cure: blobs (name)
-- setup:
CREATE TABLE blobs (id integer, name text, content text);
ALTER TABLE blobs ALTER content SET STORAGE PLAIN;
INSERT INTO blobs SELECT i, 'b' || i, repeat('c', 1500) FROM generate_series(1, 20000) i;
ANALYZE blobs;
-- query:
SELECT id FROM blobs WHERE name = $1;
-- truth:
SELECT id FROM blobs WHERE name = 'b77';
