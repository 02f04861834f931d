-- title: similarity() above a bound
-- verdict: harmful
-- object: places
-- cure: none: function | none: rewrite
-- setup:
CREATE EXTENSION pg_trgm;
CREATE TABLE places (id bigint PRIMARY KEY, name text, note text);
INSERT INTO places SELECT i, md5(i::text), repeat('n', 80) FROM generate_series(1, 100000) i;
ANALYZE;
-- query:
SELECT id, name FROM places WHERE similarity(name, $1) > 0.6;
-- truth:
SELECT id, name FROM places WHERE similarity(name, md5('77')) > 0.6;
