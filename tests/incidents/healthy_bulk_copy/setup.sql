SET client_min_messages = warning;
CREATE TABLE trips (id bigint, driver int NOT NULL, started timestamptz NOT NULL, note text);
CREATE INDEX trips_id ON trips (id);
CREATE INDEX trips_driver_started ON trips (driver, started);
CREATE INDEX trips_started ON trips (started);
CREATE TABLE drivers (id int PRIMARY KEY, name text);
INSERT INTO drivers SELECT i, 'd' || i FROM generate_series(1, 20000) i;
SELECT current_setting('data_directory') || '/trips.csv' AS file \gset
COPY (SELECT i, (i::bigint * 7919) % 20000, timestamptz '2026-01-01' + i * interval '1 second', repeat(md5(i::text), 3)
        FROM generate_series(1, 400000) i) TO :'file';
CREATE ROLE loader LOGIN;
CREATE ROLE app LOGIN;
GRANT pg_read_server_files TO loader;
GRANT SELECT, INSERT ON trips TO loader;
GRANT SELECT ON drivers TO app;
VACUUM ANALYZE;
CHECKPOINT;
