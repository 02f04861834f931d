\set i random(1, 20000)
\set late random(0, 1)
BEGIN;
SELECT edition AS known FROM carts WHERE id = :i \gset
UPDATE carts SET items = items + 1, edition = edition + 1 WHERE id = :i AND edition = :known - :late;
\if :late
ROLLBACK;
\else
COMMIT;
\endif
