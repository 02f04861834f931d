SET client_min_messages = warning;
CREATE TABLE carts (id int PRIMARY KEY, items int NOT NULL, edition int NOT NULL);
INSERT INTO carts SELECT i, 0, 0 FROM generate_series(1, 20000) i;
-- A step of a throttled job: it looks, and rests so that it disturbs nobody. It commits each time.
CREATE FUNCTION tidy_up(from_id int) RETURNS bigint LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_sleep(2); RETURN (SELECT count(*) FROM carts c WHERE c.id BETWEEN from_id AND from_id + 50); END $$;
CREATE ROLE jobs LOGIN;
CREATE ROLE shop LOGIN;
GRANT SELECT ON carts TO jobs;
GRANT SELECT, UPDATE ON carts TO shop;
VACUUM ANALYZE;
