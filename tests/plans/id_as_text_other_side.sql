-- title: a reference kept as text, the number cast
-- verdict: harmful
-- object: tags
-- cure: tags (object_id)
-- setup:
CREATE TABLE posts (id bigint PRIMARY KEY, title text);
INSERT INTO posts SELECT i, 't' || i FROM generate_series(1, 20000) i;
CREATE TABLE tags (id bigint PRIMARY KEY, object_id text, kind text, note text);
INSERT INTO tags SELECT i, (i % 20000)::text, 'post', repeat('n', 90) FROM generate_series(1, 150000) i;
ANALYZE;
-- query:
SELECT p.title, t.note FROM posts p JOIN tags t ON t.object_id = p.id::text WHERE p.id = $1;
-- truth:
SELECT p.title, t.note FROM posts p JOIN tags t ON t.object_id = p.id::text WHERE p.id = 77;
