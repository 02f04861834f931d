-- title: an insert that first looks whether the row is there
-- verdict: harmful
-- object: contacts
-- cure: contacts (external_ref)
-- setup:
CREATE TABLE contacts (id bigserial PRIMARY KEY, external_ref text, name text, note text);
INSERT INTO contacts (external_ref, name, note) SELECT 'ext-' || i, 'c' || i, repeat('n', 100) FROM generate_series(1, 120000) i;
ANALYZE;
-- query:
INSERT INTO contacts (external_ref, name) SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM contacts WHERE external_ref = $1);
-- truth:
INSERT INTO contacts (external_ref, name) SELECT 'ext-900', 'x' WHERE NOT EXISTS (SELECT FROM contacts WHERE external_ref = 'ext-900');
