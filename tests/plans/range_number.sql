-- title: dear orders
-- verdict: harmful
-- object: bids
-- cure: bids (amount)
-- setup:
CREATE TABLE bids (id integer, amount integer, pad text);
INSERT INTO bids SELECT i, i * 7919 % 100000, repeat('b', 90) FROM generate_series(1, 200000) i;
ANALYZE bids;
-- query:
SELECT * FROM bids WHERE amount >= 99990;
