CREATE TABLE quotas (customer int PRIMARY KEY, used bigint NOT NULL, allowed bigint NOT NULL);
INSERT INTO quotas SELECT i, 0, 1000000 FROM generate_series(1, 800) i;
CREATE ROLE api LOGIN;
GRANT SELECT, UPDATE ON quotas TO api;
ANALYZE;
