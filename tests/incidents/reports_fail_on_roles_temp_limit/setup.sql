CREATE ROLE bi LOGIN;
CREATE TABLE bookings (id int PRIMARY KEY, guest int NOT NULL, note text);
INSERT INTO bookings SELECT i, i % 150000, md5(i::text) FROM generate_series(1, 300000) i;
CREATE TABLE guests (id int PRIMARY KEY, name text);
INSERT INTO guests SELECT i, md5(i::text) FROM generate_series(1, 150000) i;
GRANT SELECT ON bookings TO app;
GRANT SELECT ON bookings, guests TO bi;
ALTER ROLE bi SET temp_file_limit = '4MB';
VACUUM ANALYZE;
