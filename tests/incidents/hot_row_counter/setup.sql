CREATE TABLE hits (page int PRIMARY KEY, n bigint NOT NULL);
INSERT INTO hits SELECT i, 0 FROM generate_series(1, 500) i;
GRANT SELECT, UPDATE ON hits TO app;
ANALYZE;
