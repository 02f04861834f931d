\set id random(1, 200000)
UPDATE payments SET cents = cents + 1 WHERE id = :id;
SELECT cents FROM payments WHERE id = :id;
