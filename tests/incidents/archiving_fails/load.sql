\set k random(1, 9)
INSERT INTO events (kind) VALUES (:k);
