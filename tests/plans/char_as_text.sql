-- title: a char(n) column against a text parameter
-- verdict: harmful
-- object: parts
-- cure: none: type_mismatch | none: cast
-- setup:
CREATE TABLE parts (id bigint PRIMARY KEY, code char(12), note text);
INSERT INTO parts SELECT i, 'p' || i, repeat('n', 100) FROM generate_series(1, 120000) i;
CREATE INDEX parts_code_idx ON parts (code);
ANALYZE;
-- query:
SELECT id FROM parts WHERE code = $1::text;
-- truth:
SELECT id FROM parts WHERE code = 'p77'::text;
