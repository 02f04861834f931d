-- title: the price that held at the time of each line of one order
-- verdict: harmful
-- object: prices
-- cure: prices (sku, since) | prices (sku)
-- setup:
CREATE TABLE lines (id bigint PRIMARY KEY, order_id bigint, sku integer, sold_at timestamptz);
INSERT INTO lines SELECT i, i / 5, i % 1000, timestamptz '2025-01-01' + i * interval '1 minute' FROM generate_series(1, 20000) i;
CREATE INDEX ON lines (order_id);
CREATE TABLE prices (id bigint PRIMARY KEY, sku integer, since timestamptz, price numeric, note text);
INSERT INTO prices SELECT i, i % 1000, timestamptz '2024-12-01' + i * interval '20 seconds', i % 90, repeat('n', 90) FROM generate_series(1, 150000) i;
ANALYZE;
-- query:
SELECT l.id, p.price FROM lines l LEFT JOIN LATERAL (SELECT price FROM prices WHERE sku = l.sku AND since <= l.sold_at ORDER BY since DESC LIMIT 1) p ON true WHERE l.order_id = $1;
-- truth:
SELECT l.id, p.price FROM lines l LEFT JOIN LATERAL (SELECT price FROM prices WHERE sku = l.sku AND since <= l.sold_at ORDER BY since DESC LIMIT 1) p ON true WHERE l.order_id = 444;
