-- title: Django's icontains
-- verdict: harmful
-- object: products
-- cure: products USING gin (upper(title) gin_trgm_ops) | products USING gist (upper(title) gist_trgm_ops)
-- setup:
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE TABLE products (id integer PRIMARY KEY, sku text, title text, description text, price numeric);
INSERT INTO products SELECT i, 'SKU-' || lpad(i::text, 8, '0'), 'Title ' || md5(i::text) || CASE WHEN i % 500 = 0 THEN ' 50% off' ELSE '' END, repeat('d ', 60), i % 500
  FROM generate_series(1, 100000) i;
ANALYZE products;
-- query:
SELECT id FROM products WHERE UPPER(title::text) LIKE UPPER('%5b2a7c%');
