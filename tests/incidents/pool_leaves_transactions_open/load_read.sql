\set id random(1, 300)
SELECT state FROM tickets WHERE id = :id;
