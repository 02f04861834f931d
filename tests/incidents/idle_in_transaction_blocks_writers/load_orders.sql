\set item random(1, 200)
BEGIN;
INSERT INTO orders (item, at) VALUES (:item, now());
UPDATE stock SET pieces = pieces - 1 WHERE item = :item;
END;
