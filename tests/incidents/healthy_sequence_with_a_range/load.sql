\set a random(1, 1000)
INSERT INTO parcels (weight) VALUES (:a);
