-- title: the only relation of that name is in a schema that no search_path names
-- verdict: harmful
-- object: ledger.bookings
-- cure: ledger.bookings (account, voucher)
-- setup:
CREATE SCHEMA ledger;
CREATE TABLE ledger.bookings (account int NOT NULL, voucher text NOT NULL, note text);
INSERT INTO ledger.bookings SELECT i % 50, 'V-' || i, repeat(md5(i::text), 4) FROM generate_series(1, 200000) i;
ANALYZE;
-- query:
SELECT note FROM bookings WHERE account = $1 AND voucher = $2
-- truth:
SELECT note FROM ledger.bookings WHERE account = 11 AND voucher = 'V-4711'
