-- title: a function deletes, and the foreign key of another table looks up what refers to it without an index
-- verdict: harmful
-- object: lines
-- cure: lines (order_id)
-- setup:
CREATE TABLE orders (id bigint PRIMARY KEY, state text);
INSERT INTO orders SELECT i, 'open' FROM generate_series(1, 60000) i;
CREATE TABLE lines (id bigint PRIMARY KEY, order_id bigint REFERENCES orders, note text);
INSERT INTO lines SELECT i, i % 50000 + 1, repeat(md5(i::text), 4) FROM generate_series(1, 200000) i;
CREATE FUNCTION forget(p_id bigint) RETURNS void LANGUAGE sql AS $$ DELETE FROM orders WHERE id = p_id $$;
ANALYZE;
-- query:
SELECT forget($1)
-- truth:
SELECT 1 FROM ONLY lines x WHERE order_id = 55000 FOR KEY SHARE OF x
