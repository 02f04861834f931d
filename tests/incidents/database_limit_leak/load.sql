\set id random(1, 3000)
UPDATE orders SET state = 'seen' WHERE id = :id;
