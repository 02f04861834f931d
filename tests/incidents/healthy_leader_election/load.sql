\set id random(1, 10000)
UPDATE jobs SET done = done + 1 WHERE id = :id;
SELECT done FROM jobs WHERE id = :id;
