CREATE TABLE bookings (id int PRIMARY KEY, guest int NOT NULL, note text);
INSERT INTO bookings SELECT i, i % 5000, md5(i::text) FROM generate_series(1, 200000) i;
GRANT SELECT, UPDATE ON bookings TO app, reports;
VACUUM ANALYZE;
