CREATE TABLE tickets (id int PRIMARY KEY, seat int NOT NULL, sold int NOT NULL);
INSERT INTO tickets SELECT i, i % 500, 0 FROM generate_series(1, 4000) i;
-- Stands for the size that a real table has: the build takes more than a minute and no CPU.
CREATE FUNCTION block_of(seat int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN PERFORM pg_catalog.pg_sleep(0.02); RETURN seat / 10; END $$;
CREATE ROLE app LOGIN;
GRANT SELECT, UPDATE ON tickets TO app;
VACUUM ANALYZE;
