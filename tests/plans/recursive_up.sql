-- title: the way up a tree by its primary key
-- verdict: rightful
-- setup:
CREATE TABLE nodes (id integer PRIMARY KEY, parent_id integer, name text, note text);
INSERT INTO nodes SELECT i, i / 3, 'n' || i, repeat('n', 90) FROM generate_series(1, 150000) i;
ANALYZE;
-- query:
WITH RECURSIVE up AS (SELECT id, parent_id, name FROM nodes WHERE id = $1 UNION ALL SELECT n.id, n.parent_id, n.name FROM nodes n JOIN up ON n.id = up.parent_id) SELECT name FROM up;
-- truth:
WITH RECURSIVE up AS (SELECT id, parent_id, name FROM nodes WHERE id = 141000 UNION ALL SELECT n.id, n.parent_id, n.name FROM nodes n JOIN up ON n.id = up.parent_id) SELECT name FROM up;
