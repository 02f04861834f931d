\set c random(1, 20)
SELECT id, body FROM invoices WHERE customer_id = :c ORDER BY issued_at DESC LIMIT 10;
