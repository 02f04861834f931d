-- title: the newest reading of each of some devices
-- verdict: harmful
-- object: readings
-- cure: readings (device_id, at) | readings (device_id, at DESC) | readings (device_id)
-- setup:
CREATE TABLE devices (id integer PRIMARY KEY, name text);
CREATE TABLE readings (id bigint PRIMARY KEY, device_id integer NOT NULL, at timestamptz NOT NULL, value float8, pad text);
INSERT INTO devices SELECT i, 'd' || i FROM generate_series(1, 200) i;
INSERT INTO readings SELECT i, i * 7919 % 200, timestamptz '2023-01-01 00:00+00' + i * interval '1 minute', i % 77, repeat('r', 90) FROM generate_series(1, 200000) i;
VACUUM ANALYZE;
-- query:
SELECT d.name, r.at, r.value FROM devices d CROSS JOIN LATERAL (SELECT at, value FROM readings WHERE device_id = d.id ORDER BY at DESC LIMIT 1) r WHERE d.id = ANY($1);
-- truth:
SELECT d.name, r.at, r.value FROM devices d CROSS JOIN LATERAL (SELECT at, value FROM readings WHERE device_id = d.id ORDER BY at DESC LIMIT 1) r WHERE d.id = ANY('{1,2,3}');
