-- title: sums of one day of the week
-- verdict: rightful
-- setup:
CREATE TABLE invoices (id bigserial PRIMARY KEY, tenant_id integer NOT NULL, customer_id bigint, state text NOT NULL, number text, amount numeric(12,2),
                       due_on date, created_at timestamptz NOT NULL, updated_at timestamptz, deleted_at timestamptz, payload jsonb, notes text);
INSERT INTO invoices (tenant_id, customer_id, state, number, amount, due_on, created_at, updated_at, deleted_at, payload, notes)
  SELECT i * 7919 % 400, i::bigint * 104729 % 30000, (ARRAY['paid','paid','paid','paid','sent','draft','void'])[i % 7 + 1], 'INV-' || i, i % 5000 + 0.5,
         date '2024-01-01' + i % 700, timestamptz '2024-01-01 00:00+00' + i * interval '5 minutes',
         CASE WHEN i % 3 = 0 THEN timestamptz '2025-06-01 00:00+00' + i * 7919 % 100000 * interval '3 minutes' END,
         CASE WHEN i % 50 = 0 THEN timestamptz '2025-06-01 00:00+00' END,
         jsonb_build_object('order_id', i * 31, 'channel', 'c' || i % 20, 'items', jsonb_build_array(jsonb_build_object('sku', 'S' || i % 40000))),
         repeat('n', 60)
  FROM generate_series(1, 100000) i;
ANALYZE;
-- query:
SELECT sum(amount) FROM invoices WHERE EXTRACT(dow FROM created_at) = 1;
