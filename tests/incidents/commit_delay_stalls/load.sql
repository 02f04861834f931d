\set id random(1, 20000)
UPDATE carts SET items = items + 1 WHERE id = :id;
\sleep 20 ms
