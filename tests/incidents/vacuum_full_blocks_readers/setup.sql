CREATE TABLE pages (id int PRIMARY KEY, title text NOT NULL);
INSERT INTO pages SELECT i, 't' || i FROM generate_series(1, 4000) i;
CREATE FUNCTION slug(title text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN lower(title); END $$;
CREATE INDEX ON pages (slug(title));
-- Stands for the size that a real table has: the rewrite takes more than a minute and no CPU.
CREATE OR REPLACE FUNCTION slug(title text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN PERFORM pg_catalog.pg_sleep(0.02); RETURN lower(title); END $$;
CREATE ROLE app LOGIN;
GRANT SELECT ON pages TO app;
VACUUM pages;
