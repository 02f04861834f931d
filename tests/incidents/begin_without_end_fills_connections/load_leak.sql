\set id random(1, 5000)
BEGIN;
SELECT name, price FROM products WHERE id = :id;
\sleep 600 s
END;
