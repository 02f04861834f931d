SET client_min_messages = warning;
CREATE TABLE readings (id int PRIMARY KEY, meter int NOT NULL, amount int NOT NULL);
INSERT INTO readings SELECT i, i % 500, 0 FROM generate_series(1, 4000) i;
-- Stands for the size that a real table has: the build takes more than a minute and no CPU.
CREATE FUNCTION district(meter_id int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN PERFORM pg_catalog.pg_sleep(0.02); RETURN meter_id / 10; END $$;
CREATE ROLE app LOGIN;
GRANT SELECT, UPDATE ON readings TO app;
VACUUM ANALYZE;
