-- title: all of one of thirty shops, whose rows lie in every page
-- verdict: rightful
-- setup:
CREATE TABLE sales (id bigint PRIMARY KEY, shop_id integer NOT NULL, sold_on date NOT NULL, amount numeric(10,2), memo text);
INSERT INTO sales SELECT i, i % 30, date '2024-01-01' + i / 300, i % 900 + 0.5, repeat('x', 90) FROM generate_series(1, 200000) i;
ANALYZE sales;
-- query:
SELECT * FROM sales WHERE shop_id = $1 ORDER BY sold_on;
-- truth:
SELECT * FROM sales WHERE shop_id = 17 ORDER BY sold_on;
