CREATE TABLE stock (id int PRIMARY KEY, pieces int NOT NULL, note text);
INSERT INTO stock SELECT i, 0, repeat('s', 200) FROM generate_series(1, 300000) i;
GRANT SELECT, UPDATE ON stock TO app;
VACUUM ANALYZE; CHECKPOINT;
