-- title: numbers out of nothing
-- verdict: rightful
-- setup:

-- query:
SELECT sum(i) FROM generate_series(1, 1000000) i WHERE i % 7 = 3;
