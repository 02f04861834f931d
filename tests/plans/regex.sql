-- title: a regular expression
-- verdict: harmful
-- object: products
-- cure: products USING gin (title gin_trgm_ops) | products USING gist (title gist_trgm_ops)
-- setup:
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE TABLE products (id integer PRIMARY KEY, sku text, title text, description text, price numeric, attributes jsonb, labels integer[]);
INSERT INTO products SELECT i, 'SKU-' || lpad(i::text, 8, '0'), 'Title ' || md5(i::text) || ' ' || md5((i * 7)::text), repeat('d ', 60) || 'word' || i % 900,
                            i % 500, jsonb_build_object('colour', 'c' || i % 400, 'size', i % 9), ARRAY[i % 700, i % 11]
  FROM generate_series(1, 100000) i;
ANALYZE products;
-- query:
SELECT id FROM products WHERE title ~ 'c4ca42.*[0-9]';
