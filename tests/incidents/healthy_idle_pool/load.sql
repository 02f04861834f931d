\set id random(1, 10000)
UPDATE carts SET items = items + 1 WHERE id = :id;
