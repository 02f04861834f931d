CREATE TABLE currencies (code text, rate numeric);
CREATE TABLE feature_flags (name text PRIMARY KEY, enabled boolean);
INSERT INTO currencies SELECT 'C' || i, i FROM generate_series(1, 150) i;
INSERT INTO feature_flags SELECT 'flag ' || i, i % 2 = 0 FROM generate_series(1, 60) i;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO app;
VACUUM ANALYZE;
