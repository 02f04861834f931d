-- title: a document has a key
-- verdict: harmful
-- object: flags
-- cure: flags USING gin (body)
-- setup:
CREATE TABLE flags (id integer, body jsonb, pad text);
INSERT INTO flags SELECT i, jsonb_build_object('k' || i % 3000, 1), repeat('f', 80) FROM generate_series(1, 120000) i;
ANALYZE flags;
-- query:
SELECT id FROM flags WHERE body ? 'k77';
