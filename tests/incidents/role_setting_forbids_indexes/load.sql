\set i random(1, 100000)
SELECT body FROM carts WHERE user_id = :i;
