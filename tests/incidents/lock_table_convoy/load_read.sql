\set s random(1, 300)
SELECT next FROM numbers WHERE series = 's' || :s;
