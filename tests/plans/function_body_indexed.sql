-- title: the query is a call, its function uses an index
-- verdict: rightful
-- setup:
CREATE TABLE parts (id bigint PRIMARY KEY, code text NOT NULL, note text);
INSERT INTO parts SELECT i, 'P-' || i, repeat(md5(i::text), 4) FROM generate_series(1, 200000) i;
CREATE INDEX ON parts (code);
CREATE FUNCTION find_part(wanted text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT p.id FROM parts p WHERE p.code = wanted);
END $$;
ANALYZE;
-- query:
SELECT find_part($1)
