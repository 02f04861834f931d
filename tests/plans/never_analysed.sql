-- title: a fresh bulk load that nothing has analysed
-- verdict: harmful
-- object: fresh
-- cure: fresh (k)
-- setup:
CREATE TABLE fresh (k integer, v text);
INSERT INTO fresh SELECT i, repeat('v', 200) FROM generate_series(1, 150000) i;
-- query:
SELECT v FROM fresh WHERE k = $1;
-- truth:
SELECT v FROM fresh WHERE k = 4711;
