-- title: the next page of a large tenant, along the primary key
-- verdict: rightful
-- setup:
CREATE TABLE invoices (id bigint PRIMARY KEY, tenant_id integer NOT NULL, number text NOT NULL, body text);
INSERT INTO invoices SELECT i, i * 7919 % 4, 'INV-' || i, repeat('b', 120) FROM generate_series(1, 200000) i;
VACUUM ANALYZE invoices;
-- query:
SELECT id, number FROM invoices WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3;
-- truth:
SELECT id, number FROM invoices WHERE tenant_id = 3 AND id > 1000 ORDER BY id LIMIT 50;
