\set start 50000 + 500 * random(1, 90)
BEGIN;
UPDATE invoices SET state = 'sent' WHERE id BETWEEN :start AND :start + 20;
SELECT pg_sleep(1.5);
\sleep 1500 ms
UPDATE invoices SET total = total + 1 WHERE id BETWEEN :start AND :start + 20;
COMMIT;
\sleep 300 ms
