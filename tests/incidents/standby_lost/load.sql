\set i random(1, 20000)
UPDATE orders SET state = state + 1 WHERE id = :i;
