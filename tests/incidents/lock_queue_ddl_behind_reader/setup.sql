CREATE TABLE parcels (id int PRIMARY KEY, place text);
INSERT INTO parcels SELECT i, 'p' || i FROM generate_series(1, 20000) i;
GRANT SELECT ON parcels TO app;
ANALYZE;
