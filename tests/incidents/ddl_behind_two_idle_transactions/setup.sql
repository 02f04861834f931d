CREATE TABLE parcels (id int PRIMARY KEY, place text);
INSERT INTO parcels SELECT i, 'p' || i FROM generate_series(1, 20000) i;
CREATE ROLE billing LOGIN;
CREATE ROLE exporter LOGIN;
GRANT SELECT ON parcels TO app, billing, exporter;
ANALYZE;
