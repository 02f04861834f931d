\set i random(1, 20000)
BEGIN;
SELECT state FROM orders WHERE id = :i;
UPDATE orders SET state = state + 1 WHERE id = :i;
END;
