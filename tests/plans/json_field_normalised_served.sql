-- title: a field of a document has its index, the field's name is a parameter in the statistics view
-- verdict: rightful
-- setup:
CREATE TABLE invoices (id bigserial PRIMARY KEY, number text NOT NULL, payload jsonb NOT NULL, notes text);
INSERT INTO invoices (number, payload, notes)
  SELECT 'INV-' || i, jsonb_build_object('order_id', i * 31, 'channel', 'c' || i % 20), repeat('x', 100) FROM generate_series(1, 120000) i;
CREATE INDEX ON invoices ((payload ->> 'order_id'));
ANALYZE invoices;
-- query:
SELECT id, number FROM invoices WHERE payload ->> $1 = $2;
-- truth:
SELECT id, number FROM invoices WHERE payload ->> 'order_id' = '31000';
