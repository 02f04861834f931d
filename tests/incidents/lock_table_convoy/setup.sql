CREATE TABLE numbers (series text PRIMARY KEY, next int NOT NULL);
INSERT INTO numbers SELECT 's' || i, 0 FROM generate_series(1, 300) i;
CREATE ROLE worker LOGIN;
GRANT SELECT, INSERT, UPDATE, DELETE ON numbers TO worker;
ANALYZE;
