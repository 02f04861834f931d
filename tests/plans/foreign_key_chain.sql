-- title: a delete cascades to a table with an index, and from there to one without
-- verdict: harmful
-- object: notes
-- cure: notes (line_id, part) | notes (part, line_id)
-- setup:
CREATE TABLE orders (id bigint PRIMARY KEY);
INSERT INTO orders SELECT i FROM generate_series(1, 20000) i;
CREATE TABLE lines (id bigint, part int, order_id bigint REFERENCES orders ON DELETE CASCADE, PRIMARY KEY (id, part));
INSERT INTO lines SELECT i, i % 9, i % 20000 + 1 FROM generate_series(1, 60000) i;
CREATE INDEX ON lines (order_id);
CREATE TABLE notes (id bigint PRIMARY KEY, line_id bigint, part int, note text,
                    FOREIGN KEY (line_id, part) REFERENCES lines ON DELETE SET NULL);
INSERT INTO notes SELECT i, j, j % 9, repeat(md5(i::text), 4)
FROM (SELECT i, i % 60000 + 1 AS j FROM generate_series(1, 200000) i) s;
ANALYZE;
-- query:
DELETE FROM orders o USING lines l WHERE o.id = $1 AND l.order_id = o.id
-- truth:
SELECT 1 FROM ONLY notes x WHERE line_id = 4711 AND part = 4711 % 9 FOR KEY SHARE OF x
