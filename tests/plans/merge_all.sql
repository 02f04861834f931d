-- title: a merge of a whole delivery
-- from: 15
-- verdict: rightful
-- setup:
CREATE TABLE stock (sku integer PRIMARY KEY, quantity integer, place text);
INSERT INTO stock SELECT i, i % 100, repeat('p', 110) FROM generate_series(1, 120000) i;
CREATE TABLE delivery (sku integer, quantity integer, note text);
INSERT INTO delivery SELECT i, 5, repeat('n', 110) FROM generate_series(1, 120000) i;
ANALYZE;
-- query:
MERGE INTO stock s USING delivery d ON s.sku = d.sku WHEN MATCHED THEN UPDATE SET quantity = s.quantity + d.quantity WHEN NOT MATCHED THEN INSERT (sku, quantity) VALUES (d.sku, d.quantity);
