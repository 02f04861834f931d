\set id random(1, 5000)
SELECT price FROM products WHERE id = :id;
