-- title: the query is a call, its plpgsql function looks a row up without an index
-- verdict: harmful
-- object: depot.parts
-- cure: depot.parts (code)
-- setup:
CREATE SCHEMA depot;
CREATE TABLE depot.parts (id bigint PRIMARY KEY, code text NOT NULL, note text);
INSERT INTO depot.parts SELECT i, 'P-' || i, repeat(md5(i::text), 4) FROM generate_series(1, 200000) i;
CREATE FUNCTION depot.find_part(wanted text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE found_id bigint;
BEGIN
  SELECT p.id INTO found_id FROM depot.parts p WHERE p.code = wanted;
  RETURN found_id;
END $$;
ANALYZE;
-- query:
SELECT depot.find_part($1)
-- truth:
SELECT p.id FROM depot.parts p WHERE p.code = 'P-4711'
