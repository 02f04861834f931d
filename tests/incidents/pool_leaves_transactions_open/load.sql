\set id random(1, 300)
UPDATE tickets SET state = 'sold' WHERE id = :id;
\sleep 10 ms
