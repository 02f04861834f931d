-- title: a column of a domain
-- verdict: harmful
-- object: products
-- cure: products (code) | products USING hash (code)
-- setup:
CREATE DOMAIN sku AS text CHECK (VALUE ~ '^[A-Z0-9-]+$');
CREATE TABLE products (id bigint PRIMARY KEY, code sku NOT NULL, title text, description text);
INSERT INTO products SELECT i, 'SKU-' || i, 'T' || i, repeat('d', 100) FROM generate_series(1, 100000) i;
ANALYZE;
-- query:
SELECT * FROM products WHERE code = $1;
-- truth:
SELECT * FROM products WHERE code = 'SKU-77';
