\set id random(1, 5000)
SELECT state FROM invoices WHERE id = :id;
