SET client_min_messages = warning;
SET synchronous_commit = off;
CREATE ROLE grid_owner LOGIN;
GRANT CREATE ON SCHEMA public TO grid_owner;
SET ROLE grid_owner;
CREATE TABLE readings (meter int NOT NULL, at date NOT NULL, value numeric, note text) PARTITION BY RANGE (at);
CREATE TABLE readings_2026_01 PARTITION OF readings FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE readings_2026_02 PARTITION OF readings FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE readings_2026_03 PARTITION OF readings FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');
INSERT INTO readings SELECT i % 20000, '2026-01-01'::date + i % 90, i, repeat(md5(i::text), 6)
FROM generate_series(1, 1200000 * :scale) i;
CREATE INDEX ON readings_2026_01 (meter, at);
CREATE INDEX ON readings_2026_02 (meter, at);
GRANT SELECT ON readings TO app;
RESET ROLE;
VACUUM ANALYZE;
CHECKPOINT;
