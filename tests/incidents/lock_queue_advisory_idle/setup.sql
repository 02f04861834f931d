CREATE TABLE jobs (id int PRIMARY KEY, done bool NOT NULL DEFAULT false);
INSERT INTO jobs SELECT i FROM generate_series(1, 1000) i;
GRANT SELECT, UPDATE ON jobs TO app;
ANALYZE;
