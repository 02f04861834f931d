SET client_min_messages = warning; SET synchronous_commit = off;
DO $$ BEGIN FOR i IN 1 .. 30 LOOP
  EXECUTE format('CREATE SCHEMA t%s; GRANT USAGE ON SCHEMA t%1$s TO saas; CREATE TABLE t%1$s.bookings (id int PRIMARY KEY, room int NOT NULL, guest text NOT NULL, day date);
    CREATE INDEX bookings_room_%1$s ON t%1$s.bookings (room);
    INSERT INTO t%1$s.bookings SELECT j, j %% 2000, ''guest '' || j || repeat(''g'', 80), ''2026-01-01'' FROM generate_series(1, %2$s) j;
    GRANT SELECT ON t%1$s.bookings TO saas', i, CASE WHEN i = 17 THEN 250000 ELSE 4000 END);
END LOOP; END $$;
DROP INDEX t17.bookings_room_17;
VACUUM ANALYZE; CHECKPOINT;
