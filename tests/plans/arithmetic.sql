-- title: a computed value
-- verdict: harmful
-- object: bids3
-- cure: bids3 ((amount * 2)) | none: function | none: rewrite
-- setup:
CREATE TABLE bids3 (id integer, amount integer, pad text);
INSERT INTO bids3 SELECT i, i * 7919 % 100000, repeat('b', 90) FROM generate_series(1, 200000) i;
ANALYZE bids3;
-- query:
SELECT * FROM bids3 WHERE amount * 2 = 4712;
