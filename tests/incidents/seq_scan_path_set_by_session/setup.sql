SET client_min_messages = warning;
SET synchronous_commit = off;
CREATE ROLE crm_owner LOGIN;
CREATE SCHEMA tenant_1 AUTHORIZATION crm_owner;
CREATE SCHEMA tenant_2 AUTHORIZATION crm_owner;
SET ROLE crm_owner;
CREATE TABLE tenant_1.contacts (branch int NOT NULL, mail text NOT NULL, note text);
INSERT INTO tenant_1.contacts
SELECT i % 50, md5(i::text) || '@example.org', repeat(md5(i::text), 20) FROM generate_series(1, 300000 * :scale) i;
CREATE TABLE tenant_2.contacts AS TABLE tenant_1.contacts;
CREATE INDEX ON tenant_1.contacts (branch, mail);
GRANT USAGE ON SCHEMA tenant_1, tenant_2 TO app;
GRANT SELECT ON ALL TABLES IN SCHEMA tenant_1, tenant_2 TO app;
RESET ROLE;
ANALYZE;
CHECKPOINT;
