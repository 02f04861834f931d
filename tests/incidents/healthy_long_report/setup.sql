SET synchronous_commit = off;
CREATE TABLE payments (id int PRIMARY KEY, account int NOT NULL, cents int NOT NULL);
INSERT INTO payments SELECT i, i % 1000, i FROM generate_series(1, 200000) i;
GRANT SELECT, UPDATE, INSERT ON payments TO app;
VACUUM ANALYZE;
