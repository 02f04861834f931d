-- title: all of one country, its partition
-- verdict: rightful
-- setup:
CREATE TABLE sales (id bigint, country text, pad text) PARTITION BY LIST (country);
CREATE TABLE sales_de PARTITION OF sales FOR VALUES IN ('de');
CREATE TABLE sales_fr PARTITION OF sales FOR VALUES IN ('fr');
INSERT INTO sales SELECT i, CASE WHEN i % 2 = 0 THEN 'de' ELSE 'fr' END, repeat('p', 100) FROM generate_series(1, 300000) i;
ANALYZE;
-- query:
SELECT count(*) FROM sales WHERE country = $1;
-- truth:
SELECT count(*) FROM sales WHERE country = 'de';
