-- title: a join by USING
-- verdict: harmful
-- object: lines
-- cure: lines (cart_id)
-- setup:
CREATE TABLE carts (cart_id integer PRIMARY KEY, owner integer);
INSERT INTO carts SELECT i, i FROM generate_series(1, 20000) i;
CREATE INDEX ON carts (owner);
CREATE TABLE lines (cart_id integer, what text);
INSERT INTO lines SELECT i % 20000, repeat('l', 90) FROM generate_series(1, 200000) i;
ANALYZE carts; ANALYZE lines;
-- query:
SELECT * FROM carts JOIN lines USING (cart_id) WHERE owner = $1;
-- truth:
SELECT * FROM carts JOIN lines USING (cart_id) WHERE owner = 5;
