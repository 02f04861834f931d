CREATE ROLE reports LOGIN;
CREATE TABLE bookings (id int PRIMARY KEY, guest int NOT NULL, note text);
INSERT INTO bookings SELECT i, i % 5000, md5(i::text) FROM generate_series(1, 300000) i;
GRANT SELECT ON bookings TO app, reports;
VACUUM ANALYZE;
