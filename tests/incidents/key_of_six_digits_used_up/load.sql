\set a random(1, 1000)
INSERT INTO vouchers (cents) VALUES (:a);
