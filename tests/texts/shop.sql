CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE TYPE mood AS ENUM ('happy', 'neutral', 'cross');
CREATE TABLE customers (id serial PRIMARY KEY, email text UNIQUE, name varchar(80), born date, mood mood, country char(2), profile jsonb,
                        tags text[], score numeric(10,2), active boolean DEFAULT true, created_at timestamptz DEFAULT now(), updated_at timestamp);
CREATE TABLE products (id bigserial PRIMARY KEY, sku text NOT NULL, title text, price numeric(12,2), stock integer, attributes jsonb, labels integer[],
                       search tsvector, valid daterange, weight double precision, parent_id bigint);
CREATE TABLE orders (id bigserial PRIMARY KEY, customer_id integer REFERENCES customers, status text, total numeric(12,2), placed timestamptz,
                     shipped timestamp, notes text, meta json, ip inet, token uuid);
CREATE TABLE order_items (order_id bigint REFERENCES orders, product_id bigint REFERENCES products, qty integer, price numeric(12,2),
                          PRIMARY KEY (order_id, product_id));
CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL, kind smallint, payload jsonb, duration interval, who integer)
  PARTITION BY RANGE (at);
CREATE TABLE events_a PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2025-07-01');
CREATE TABLE events_b PARTITION OF events FOR VALUES FROM ('2025-07-01') TO ('2026-01-01');
CREATE TABLE jobs (id bigserial PRIMARY KEY, queue text, state text, run_at timestamptz, attempts integer DEFAULT 0, args jsonb, locked_by text);
CREATE TABLE staff (id integer PRIMARY KEY, boss integer, name text, salary integer, hired date, dept text);
CREATE VIEW big_orders AS SELECT o.*, c.name FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.total > 100;
CREATE FUNCTION slug(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lower(regexp_replace($1, '\W+', '-', 'g')) $$;
INSERT INTO customers (email, name, born, mood, country, profile, tags, score)
  SELECT 'u' || i || '@example.org', 'Name ' || i, date '1970-01-01' + i, 'happy', 'de', jsonb_build_object('k', i), ARRAY['a', 'b' || i], i
  FROM generate_series(1, 200) i;
INSERT INTO products (sku, title, price, stock, attributes, labels, valid, weight) SELECT 's' || i, 'Title ' || i, i, i, '{"c": 1}', ARRAY[i], daterange('2025-01-01', '2025-02-01'), i
  FROM generate_series(1, 200) i;
INSERT INTO orders (customer_id, status, total, placed, ip) SELECT i, 'new', i, timestamptz '2025-03-01' + i * interval '1 hour', '10.0.0.1' FROM generate_series(1, 200) i;
INSERT INTO order_items SELECT i, i, 1, 1 FROM generate_series(1, 200) i;
INSERT INTO staff SELECT i, i / 3, 'n' || i, i * 10, date '2020-01-01' + i, 'd' || i % 4 FROM generate_series(1, 60) i;
ANALYZE;
