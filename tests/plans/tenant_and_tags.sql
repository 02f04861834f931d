-- title: one of forty tenants and a rare tag of an array
-- verdict: harmful
-- object: contacts
-- cure: contacts USING gin (tags)
-- setup:
CREATE TABLE contacts (id bigserial PRIMARY KEY, tenant_id integer NOT NULL, email text NOT NULL, tags text[] NOT NULL, bio text);
INSERT INTO contacts (tenant_id, email, tags, bio)
  SELECT i % 40, 'contact' || i || '@example.org', ARRAY['c' || i * 7919 % 20000, 'all'], repeat('x', 100) FROM generate_series(1, 200000) i;
ANALYZE contacts;
-- query:
SELECT id, email FROM contacts WHERE tenant_id = $1 AND tags @> $2;
-- truth:
SELECT id, email FROM contacts WHERE tenant_id = 17 AND tags @> ARRAY['c14623'];
