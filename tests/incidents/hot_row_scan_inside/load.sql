\set article random(0, 8999)
BEGIN;
UPDATE warehouses SET changes = changes + 1 WHERE id = 1;
SELECT sum(pieces) FROM movements WHERE article = :article;
COMMIT;
