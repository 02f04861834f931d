CREATE TABLE notes (id int PRIMARY KEY, text text);
INSERT INTO notes SELECT i, md5(i::text) FROM generate_series(1, 10000) i;
GRANT SELECT ON notes TO app;
ANALYZE;
