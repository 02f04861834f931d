-- title: two schemas have a relation of that name, and only one of them is read
-- verdict: harmful
-- object: live.bookings
-- cure: live.bookings (voucher)
-- setup:
CREATE SCHEMA live;
CREATE SCHEMA old;
CREATE TABLE live.bookings (account int NOT NULL, voucher text NOT NULL, note text);
INSERT INTO live.bookings SELECT i % 50, 'V-' || i, repeat(md5(i::text), 4) FROM generate_series(1, 200000) i;
CREATE TABLE old.bookings (account int NOT NULL, voucher text PRIMARY KEY, note text);
INSERT INTO old.bookings SELECT i % 50, 'V-' || i, 'x' FROM generate_series(1, 1000) i;
ANALYZE;
SELECT count(*) FROM live.bookings WHERE voucher = 'V-1';
SELECT count(*) FROM live.bookings WHERE voucher = 'V-2';
-- query:
SELECT note FROM bookings WHERE voucher = $1
-- truth:
SELECT note FROM live.bookings WHERE voucher = 'V-4711'
