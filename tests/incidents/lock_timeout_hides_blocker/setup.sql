CREATE TABLE bookings (room int PRIMARY KEY, guests int NOT NULL);
INSERT INTO bookings SELECT i, 0 FROM generate_series(1, 2000) i;
CREATE ROLE app LOGIN;
ALTER ROLE app SET lock_timeout = '400ms';
GRANT SELECT, UPDATE ON bookings TO app;
ANALYZE;
