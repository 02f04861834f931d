\set id random(6, 9)
UPDATE accounts SET balance = balance + 1 WHERE id = :id;
