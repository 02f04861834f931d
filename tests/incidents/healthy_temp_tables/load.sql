\set i random(1, 99000)
BEGIN;
CREATE TEMP TABLE picked ON COMMIT DROP AS SELECT * FROM items WHERE id BETWEEN :i AND :i + 200;
CREATE INDEX ON picked (n);
SELECT n, count(*), min(nextval('tickets')) FROM picked GROUP BY n;
DECLARE c CURSOR WITH HOLD FOR SELECT id FROM items WHERE id BETWEEN :i AND :i + 50;
FETCH 10 FROM c;
COMMIT;
CLOSE c;
BEGIN;
UPDATE items SET n = n + 1 WHERE id = :i;
COMMIT;
