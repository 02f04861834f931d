-- title: a merge by an unindexed key
-- from: 15
-- verdict: harmful
-- object: stock
-- cure: stock (sku) | stock USING hash (sku)
-- setup:
CREATE TABLE stock (id bigint PRIMARY KEY, sku text NOT NULL, quantity integer NOT NULL, place text);
INSERT INTO stock SELECT i, 'sku-' || i, i % 100, repeat('p', 110) FROM generate_series(1, 100000) i;
ANALYZE;
-- query:
MERGE INTO stock s USING (VALUES ($1::text, $2::integer)) AS v(sku, quantity) ON s.sku = v.sku WHEN MATCHED THEN UPDATE SET quantity = s.quantity + v.quantity WHEN NOT MATCHED THEN INSERT (id, sku, quantity) VALUES (0, v.sku, v.quantity);
-- truth:
MERGE INTO stock s USING (VALUES ('sku-77'::text, 5::integer)) AS v(sku, quantity) ON s.sku = v.sku WHEN MATCHED THEN UPDATE SET quantity = s.quantity + v.quantity WHEN NOT MATCHED THEN INSERT (id, sku, quantity) VALUES (0, v.sku, v.quantity);
