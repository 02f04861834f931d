CREATE TABLE best_sellers (place int PRIMARY KEY, article int NOT NULL);
INSERT INTO best_sellers SELECT i, i FROM generate_series(1, 200) i;
CREATE ROLE app LOGIN;
CREATE ROLE job LOGIN;
GRANT SELECT ON best_sellers TO app;
GRANT SELECT, INSERT, TRUNCATE ON best_sellers TO job;
ANALYZE;
