\set id random(1, 4000)
SELECT sold FROM tickets WHERE id = :id;
