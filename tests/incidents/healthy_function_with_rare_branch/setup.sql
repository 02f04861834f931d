SET client_min_messages = warning;
SET synchronous_commit = off;
CREATE TABLE parts (id bigint PRIMARY KEY, code text NOT NULL, note text);
INSERT INTO parts SELECT i, 'P-' || i, repeat(md5(i::text), 10) FROM generate_series(1, 200000 * :scale) i;
CREATE TABLE parts_log (part bigint NOT NULL, at timestamptz NOT NULL, note text);
INSERT INTO parts_log SELECT i, now(), repeat(md5(i::text), 10) FROM generate_series(1, 200000 * :scale) i;
CREATE FUNCTION part_note(wanted bigint, with_history boolean) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF with_history THEN
    RETURN (SELECT string_agg(l.note, ' ') FROM parts_log l WHERE l.part = wanted);
  END IF;
  RETURN (SELECT p.note FROM parts p WHERE p.id = wanted);
END $$;
GRANT SELECT ON parts, parts_log TO app;
VACUUM ANALYZE;
CHECKPOINT;
