CREATE TABLE readings (id int PRIMARY KEY, amount int NOT NULL) WITH (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1);
INSERT INTO readings SELECT i, i FROM generate_series(1, 200000) i;
CREATE ROLE app LOGIN;
GRANT SELECT ON readings TO app;
ANALYZE;
VACUUM;
-- Each block with an exception handler takes a transaction number of its own.
CREATE TABLE spent (n int);
DO $$ BEGIN
  FOR i IN 1..105000 LOOP
    BEGIN INSERT INTO spent VALUES (i); EXCEPTION WHEN division_by_zero THEN NULL; END;
  END LOOP;
END $$;
DROP TABLE spent;
UPDATE readings SET amount = amount + 1;
