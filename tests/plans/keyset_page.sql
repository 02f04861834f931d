-- title: the next page by key
-- verdict: harmful
-- object: bids2
-- cure: bids2 (amount, id)
-- setup:
CREATE TABLE bids2 (id integer, amount integer, pad text);
INSERT INTO bids2 SELECT i, i * 7919 % 100000, repeat('b', 90) FROM generate_series(1, 200000) i;
ANALYZE bids2;
-- query:
SELECT * FROM bids2 WHERE (amount, id) > ($1, $2) ORDER BY amount, id LIMIT $3;
-- truth:
SELECT * FROM bids2 WHERE (amount, id) > (50000, 7) ORDER BY amount, id LIMIT 20;
