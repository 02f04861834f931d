-- title: a function's numeric argument is compared with an indexed bigint column
-- verdict: harmful
-- object: parts
-- cure: none: type_mismatch | none: cast
-- setup:
CREATE TABLE parts (id bigint PRIMARY KEY, note text);
INSERT INTO parts SELECT i, repeat(md5(i::text), 4) FROM generate_series(1, 200000) i;
CREATE FUNCTION part_note(wanted numeric) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT note FROM parts WHERE id = wanted);
END $$;
ANALYZE;
-- query:
SELECT part_note($1)
