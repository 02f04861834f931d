CREATE TABLE pages (id int PRIMARY KEY, title text NOT NULL);
INSERT INTO pages SELECT i, md5(i::text) FROM generate_series(1, 1000) i;
CREATE ROLE tool LOGIN;
GRANT SELECT ON pages TO app, tool;
VACUUM ANALYZE;
