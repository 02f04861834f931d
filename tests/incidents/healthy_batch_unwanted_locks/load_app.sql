\set id random(1, 49000)
UPDATE invoices SET total = total + 1 WHERE id = :id;
SELECT state FROM invoices WHERE id = :id;
