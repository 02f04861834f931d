SET client_min_messages = warning;
SET synchronous_commit = off;
CREATE ROLE ledger_owner LOGIN;
CREATE SCHEMA ledger AUTHORIZATION ledger_owner;
SET ROLE ledger_owner;
CREATE TABLE ledger.bookings (account int NOT NULL, voucher text NOT NULL, note text);
INSERT INTO ledger.bookings
SELECT i % 50, 'V-' || md5(i::text), repeat(md5(i::text), 20) FROM generate_series(1, 300000 * :scale) i;
GRANT USAGE ON SCHEMA ledger TO app;
GRANT SELECT ON ledger.bookings TO app;
RESET ROLE;
ANALYZE;
CHECKPOINT;
