SET client_min_messages = warning; SET synchronous_commit = off;
CREATE ROLE books_owner LOGIN; GRANT CREATE ON SCHEMA public TO books_owner; SET ROLE books_owner;
CREATE TABLE invoices (id bigint PRIMARY KEY, customer_id int NOT NULL, issued_at timestamptz NOT NULL, state text NOT NULL, body text);
INSERT INTO invoices SELECT i, i / 5000, timestamptz '2024-01-01' + i * interval '1 min', 'paid', repeat('x', 120) FROM generate_series(1, 1000000) i;
CREATE INDEX invoices_issued ON invoices (issued_at);
GRANT SELECT ON invoices TO app; RESET ROLE;
ANALYZE; CHECKPOINT;
