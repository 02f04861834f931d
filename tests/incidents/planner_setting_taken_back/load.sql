\set i random(1, 100000)
SELECT body FROM baskets WHERE user_id = :i;
