SET client_min_messages = warning;
SET synchronous_commit = off;
ALTER ROLE app SET statement_timeout = '10s';
CREATE ROLE billing_owner LOGIN;
GRANT CREATE ON SCHEMA public TO billing_owner;
SET ROLE billing_owner;
CREATE TABLE invoices (customer int NOT NULL, number text NOT NULL, total numeric NOT NULL, lines text);
INSERT INTO invoices
SELECT i % 300, 'I-' || md5(i::text), i % 1009, repeat(md5(i::text), 30)
FROM generate_series(1, 400000 * :scale) i;
CREATE INDEX invoices_key ON invoices (customer, number);
GRANT SELECT ON invoices TO app;
RESET ROLE;
VACUUM ANALYZE;
CHECKPOINT;
