-- title: what is below a path
-- verdict: harmful
-- object: folders
-- cure: folders USING gist (path)
-- setup:
CREATE EXTENSION ltree;
CREATE TABLE folders (id bigint PRIMARY KEY, path ltree, note text);
INSERT INTO folders SELECT i, ('top.a' || i % 40 || '.b' || i % 4000 || '.c' || i)::ltree, repeat('n', 80) FROM generate_series(1, 120000) i;
ANALYZE;
-- query:
SELECT id FROM folders WHERE path <@ $1;
-- truth:
SELECT id FROM folders WHERE path <@ 'top.a17.b2017';
