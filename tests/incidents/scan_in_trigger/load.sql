\set i random(1, 400000)
INSERT INTO orders (mail, total) VALUES ('c' || :i || '@example.org', 7);
\sleep 200 ms
