\set a random(1, 6)
\set b random(1, 6)
BEGIN;
UPDATE ledger SET cents = cents - 1 WHERE id = :a;
\sleep 20 ms
UPDATE ledger SET cents = cents + 1 WHERE id = :b;
COMMIT;
\sleep 30 ms
