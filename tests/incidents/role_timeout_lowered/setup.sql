SET client_min_messages = warning; SET synchronous_commit = off;
CREATE TABLE bookings (id bigint PRIMARY KEY, account int NOT NULL, amount numeric NOT NULL, booked date NOT NULL);
INSERT INTO bookings SELECT i, i % 3000, (i % 977) / 7.0, '2026-01-01'::date + i % 300 FROM generate_series(1, 700000 * :scale) i;
CREATE ROLE closing LOGIN; CREATE ROLE ledger LOGIN;
GRANT SELECT ON bookings TO closing, ledger;
VACUUM ANALYZE; CHECKPOINT;
