\set id random(1, 3)
SELECT enter(:id);
