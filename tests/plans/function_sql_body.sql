-- title: a function of SQL that cannot be inlined scans a table in its second statement
-- verdict: harmful
-- object: visits
-- cure: visits (guest)
-- setup:
CREATE TABLE guests (id int PRIMARY KEY, seen timestamptz);
INSERT INTO guests SELECT i, now() FROM generate_series(1, 1000) i;
CREATE TABLE visits (id bigint PRIMARY KEY, guest int NOT NULL, note text);
INSERT INTO visits SELECT i, i % 90000, repeat(md5(i::text), 4) FROM generate_series(1, 180000) i;
CREATE FUNCTION greet(int) RETURNS bigint LANGUAGE sql VOLATILE AS $$
  UPDATE guests SET seen = now() WHERE id = $1;
  SELECT count(*) FROM visits WHERE guest = $1;
$$;
ANALYZE;
-- query:
SELECT greet($1)
-- truth:
SELECT count(*) FROM visits WHERE guest = 4711
