\set id random(1, 4000)
UPDATE readings SET amount = amount + 1 WHERE id = :id;
SELECT amount FROM readings WHERE id = :id;
