-- title: a delete from a tree looks up the children of each row, and the parent column has no index
-- verdict: harmful
-- object: nodes
-- cure: nodes (parent_id)
-- setup:
CREATE TABLE nodes (id bigint PRIMARY KEY, parent_id bigint REFERENCES nodes, title text);
INSERT INTO nodes SELECT i, nullif(i / 7, 0), repeat(md5(i::text), 4) FROM generate_series(1, 150000) i;
ANALYZE;
-- query:
DELETE FROM nodes WHERE id = $1
-- truth:
SELECT 1 FROM ONLY nodes x WHERE parent_id = 4711 FOR KEY SHARE OF x
