-- title: orders of a tenant that have an open claim
-- verdict: harmful
-- object: claims
-- cure: claims (order_id) | claims (order_id) WHERE open | claims (order_id, open) | claims (open, order_id)
-- setup:
CREATE TABLE orders (id bigint PRIMARY KEY, tenant integer NOT NULL, note text);
INSERT INTO orders SELECT i, i % 3000, repeat('o', 90) FROM generate_series(1, 120000) i;
CREATE INDEX ON orders (tenant);
CREATE TABLE claims (id bigint PRIMARY KEY, order_id bigint NOT NULL, open boolean NOT NULL, note text);
INSERT INTO claims SELECT i, i::bigint * 7919 % 120000 + 1, i % 2 = 0, repeat('c', 90) FROM generate_series(1, 120000) i;
ANALYZE;
-- query:
SELECT o.id FROM orders o WHERE o.tenant = $1 AND EXISTS (SELECT 1 FROM claims c WHERE c.order_id = o.id AND c.open);
-- truth:
SELECT o.id FROM orders o WHERE o.tenant = 7 AND EXISTS (SELECT 1 FROM claims c WHERE c.order_id = o.id AND c.open);
