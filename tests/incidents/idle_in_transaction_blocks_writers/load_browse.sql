\set item random(1, 200)
SELECT pieces FROM stock WHERE item = :item;
