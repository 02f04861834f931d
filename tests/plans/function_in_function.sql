-- title: a function calls another one, and that one scans
-- verdict: harmful
-- object: stock
-- cure: stock (bin)
-- setup:
CREATE TABLE stock (id bigint PRIMARY KEY, bin int NOT NULL, note text);
INSERT INTO stock SELECT i, i % 50000, repeat(md5(i::text), 4) FROM generate_series(1, 150000) i;
CREATE FUNCTION stock_in(which int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
  SELECT count(*) INTO n FROM stock WHERE bin = which;
  RETURN n;
END $$;
CREATE FUNCTION bin_is_empty(which int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RETURN stock_in(which) = 0;
END $$;
ANALYZE;
-- query:
SELECT bin_is_empty($1)
-- truth:
SELECT count(*) FROM stock WHERE bin = 4711
