CREATE TABLE rooms (id int PRIMARY KEY, guests int NOT NULL);
INSERT INTO rooms SELECT i, 0 FROM generate_series(1, 50) i;
CREATE FUNCTION enter(room int) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM public.rooms WHERE id = room FOR UPDATE NOWAIT;
  UPDATE public.rooms SET guests = guests + 1 WHERE id = room;
  PERFORM pg_catalog.pg_sleep(0.05);
  RETURN true;
EXCEPTION WHEN lock_not_available THEN RETURN false;
END $$;
CREATE ROLE app LOGIN;
GRANT SELECT, UPDATE, DELETE ON rooms TO app;
ANALYZE;
