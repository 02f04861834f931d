SET client_min_messages = warning; SET synchronous_commit = off;
CREATE ROLE crm_owner LOGIN; GRANT CREATE ON SCHEMA public TO crm_owner; SET ROLE crm_owner;
CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL, city text, remarks text);
INSERT INTO customers SELECT i, 'customer ' || (i::bigint * 7919 % 1000003) || ' and sons', 'city ' || i % 900, repeat('r', 150) FROM generate_series(1, 400000) i;
CREATE INDEX customers_name ON customers (name);
GRANT SELECT ON customers TO helpdesk;
RESET ROLE;
VACUUM ANALYZE;
CHECKPOINT;
