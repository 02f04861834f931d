SET client_min_messages = warning;
CREATE TABLE pages (id int PRIMARY KEY, body text NOT NULL);
INSERT INTO pages SELECT i, md5(i::text) FROM generate_series(1, 5000) i;
CREATE ROLE app LOGIN;
-- Stands for an expensive function: it takes its time and leaves the machine to the others.
CREATE FUNCTION thumbnail(body text) RETURNS text LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_sleep(0.01); RETURN md5(body); END $$;
GRANT SELECT ON pages TO app;
VACUUM ANALYZE;
