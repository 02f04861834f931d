SET client_min_messages = warning;
CREATE TABLE movements (id int PRIMARY KEY, article int NOT NULL, pieces int NOT NULL, note text NOT NULL);
INSERT INTO movements SELECT i, i % 9000, 1, repeat('x', 60) FROM generate_series(1, 900000 * :scale) i;
CREATE TABLE warehouses (id int PRIMARY KEY, changes bigint NOT NULL);
INSERT INTO warehouses SELECT i, 0 FROM generate_series(1, 20) i;
CREATE ROLE app LOGIN;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO app;
VACUUM ANALYZE;
CHECKPOINT;
