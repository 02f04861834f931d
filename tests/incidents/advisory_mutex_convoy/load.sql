\set id random(1, 5000)
BEGIN;
SELECT pg_advisory_xact_lock(815);
UPDATE invoices SET state = 'sent' WHERE id = :id;
SELECT pg_sleep(0.06);
COMMIT;
