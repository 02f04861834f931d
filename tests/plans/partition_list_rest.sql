-- title: one of many values that share the rest partition
-- verdict: harmful
-- object: sales
-- cure: sales (country)
-- setup:
CREATE TABLE sales (id bigint, country text, pad text) PARTITION BY LIST (country);
CREATE TABLE sales_de PARTITION OF sales FOR VALUES IN ('de');
CREATE TABLE sales_rest PARTITION OF sales DEFAULT;
INSERT INTO sales SELECT i, CASE WHEN i % 2 = 0 THEN 'de' ELSE 'c' || i % 2000 END, repeat('p', 100) FROM generate_series(1, 300000) i;
ANALYZE;
-- query:
SELECT * FROM sales WHERE country = 'c77';
