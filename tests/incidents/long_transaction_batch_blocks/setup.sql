CREATE TABLE prices (item int PRIMARY KEY, cents int NOT NULL);
INSERT INTO prices SELECT i, 100 FROM generate_series(1, 1000) i;
GRANT SELECT, UPDATE ON prices TO app;
ANALYZE;
