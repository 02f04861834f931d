-- title: a delete looks up by tenant and key, and the index begins with the tenant alone
-- verdict: harmful
-- object: lines
-- cure: lines (tenant_id, order_id) | lines (order_id, tenant_id) | lines (order_id)
-- setup:
CREATE TABLE orders (tenant_id integer NOT NULL, id bigint NOT NULL, state text, PRIMARY KEY (tenant_id, id));
INSERT INTO orders SELECT i % 8, i, 'open' FROM generate_series(1, 60000) i;
CREATE TABLE lines (id bigint PRIMARY KEY, tenant_id integer NOT NULL, order_id bigint NOT NULL, created_at timestamptz NOT NULL, note text);
INSERT INTO lines SELECT i, (i % 60000 + 1) % 8, i % 60000 + 1, timestamptz '2024-01-01 00:00+00' + i * interval '1 minute', repeat('x', 110)
  FROM generate_series(1, 200000) i;
ALTER TABLE lines ADD FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id) ON DELETE CASCADE;
CREATE INDEX ON lines (tenant_id, created_at);
ANALYZE;
-- query:
DELETE FROM orders WHERE tenant_id = $1 AND id = $2
-- truth:
SELECT 1 FROM ONLY lines x WHERE tenant_id = 7 AND order_id = 4711 FOR KEY SHARE OF x
