\set item random(1, 1000)
UPDATE prices SET cents = cents + 1 WHERE item = :item;
