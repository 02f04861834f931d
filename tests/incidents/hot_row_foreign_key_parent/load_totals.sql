BEGIN;
SELECT total FROM carts WHERE id = 1 FOR UPDATE;
UPDATE carts SET total = total + 1 WHERE id = 1;
SELECT pg_sleep(0.5);
COMMIT;
\sleep 20 ms
