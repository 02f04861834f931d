\set id random(1, 4000)
UPDATE tickets SET sold = sold + 1 WHERE id = :id;
\sleep 10 ms
