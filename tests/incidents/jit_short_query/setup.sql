SET client_min_messages = warning;
SET synchronous_commit = off;
CREATE TABLE places (id int PRIMARY KEY, kind int NOT NULL, x float8 NOT NULL, y float8 NOT NULL, name text);
INSERT INTO places SELECT i, i % 30, random(), random(), md5(i::text) FROM generate_series(1, 30000 * :scale) i;
CREATE INDEX places_kind ON places (kind);
-- As extensions for maps do, with their real work in mind.
CREATE FUNCTION apart(x float8, y float8, a float8, b float8) RETURNS float8 LANGUAGE plpgsql IMMUTABLE COST 150000 AS
$$ BEGIN RETURN sqrt((x - a) ^ 2 + (y - b) ^ 2); END $$;
GRANT SELECT ON places TO app;
VACUUM ANALYZE;
CHECKPOINT;
