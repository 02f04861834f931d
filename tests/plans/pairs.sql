-- title: a list of pairs
-- verdict: harmful
-- object: lines
-- cure: lines (order_id, line_no) | lines (line_no, order_id) | lines (order_id)
-- setup:
CREATE TABLE lines (order_id bigint NOT NULL, line_no integer NOT NULL, sku text, qty integer, memo text);
INSERT INTO lines SELECT i / 5, i % 5, 's' || i % 900, 1, repeat('m', 90) FROM generate_series(1, 120000) i;
ANALYZE;
-- query:
SELECT * FROM lines WHERE (order_id, line_no) IN (($1, $2), ($3, $4));
-- truth:
SELECT * FROM lines WHERE (order_id, line_no) IN ((7, 1), (9, 2));
