\set i random(1, 10000)
UPDATE accounts SET balance = balance - 1 WHERE id = :i;
