\set a random(1, 1000)
INSERT INTO tickets (seat) VALUES (:a);
