CREATE TABLE deliveries (id int PRIMARY KEY, state int NOT NULL, address text);
INSERT INTO deliveries SELECT i, 1, repeat('a', 300) FROM generate_series(1, 400000) i;
CREATE INDEX deliveries_state ON deliveries (state);
VACUUM ANALYZE;
INSERT INTO deliveries SELECT i, 2, repeat('a', 300) FROM generate_series(400001, 400020) i;
GRANT SELECT ON deliveries TO app;
ALTER ROLE app SET plan_cache_mode = force_generic_plan;
CHECKPOINT;
