-- title: the next page of one tenant, along the primary key
-- verdict: harmful
-- object: invoices
-- cure: invoices (tenant_id, id) | invoices (tenant_id)
-- setup:
CREATE TABLE invoices (id bigint PRIMARY KEY, tenant_id integer NOT NULL, number text NOT NULL, status text NOT NULL, total numeric(10,2), issued timestamptz NOT NULL, body text);
INSERT INTO invoices SELECT i, i * 7919 % 2000, 'INV-' || i, CASE WHEN i % 10 = 0 THEN 'open' ELSE 'paid' END, i % 900, timestamptz '2023-01-01 00:00+00' + i * interval '4 minutes', repeat('b', 120)
  FROM generate_series(1, 200000) i;
VACUUM ANALYZE invoices;
-- query:
SELECT id, number, total FROM invoices WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3;
-- truth:
SELECT id, number, total FROM invoices WHERE tenant_id = 77 AND id > 1000 ORDER BY id LIMIT 50;
