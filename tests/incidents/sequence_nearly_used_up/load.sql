\set a random(1, 1000)
INSERT INTO orders (article) VALUES (:a);
