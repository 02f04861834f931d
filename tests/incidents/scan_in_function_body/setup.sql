SET client_min_messages = warning;
SET synchronous_commit = off;
ALTER ROLE app SET statement_timeout = '10s';
CREATE ROLE depot_owner LOGIN;
CREATE SCHEMA depot AUTHORIZATION depot_owner;
SET ROLE depot_owner;
CREATE TABLE depot.parts (id bigint PRIMARY KEY, code text NOT NULL, bin int NOT NULL, note text);
INSERT INTO depot.parts SELECT i, 'P-' || md5(i::text), i % 500, repeat(md5(i::text), 20) FROM generate_series(1, 400000 * :scale) i;
CREATE FUNCTION depot.find_part(wanted text, least_bin int DEFAULT 0) RETURNS TABLE (part bigint, place int)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  r record;
BEGIN
  FOR r IN SELECT p.id, p.bin FROM depot.parts p WHERE p.code = wanted AND p.bin >= least_bin LOOP
    part := r.id;
    place := r.bin;
    RETURN NEXT;
  END LOOP;
END $$;
GRANT USAGE ON SCHEMA depot TO app;
GRANT SELECT ON depot.parts TO app;
RESET ROLE;
ANALYZE;
CHECKPOINT;
