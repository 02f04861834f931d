-- title: words like a given one
-- verdict: harmful
-- object: places
-- cure: places USING gin (name gin_trgm_ops) | places USING gist (name gist_trgm_ops)
-- setup:
CREATE EXTENSION pg_trgm;
CREATE TABLE places (id bigint PRIMARY KEY, name text, note text);
INSERT INTO places SELECT i, md5(i::text) || ' ' || md5((i * 7)::text), repeat('n', 60) FROM generate_series(1, 100000) i;
ANALYZE;
-- query:
SELECT id, name FROM places WHERE $1 <% name;
-- truth:
SELECT id, name FROM places WHERE md5('77') <% name;
