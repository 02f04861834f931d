-- title: no table at all
-- verdict: rightful
-- setup:

-- query:
SELECT * FROM (VALUES ($1::int), ($2::int)) v(x) WHERE x > $3;
-- truth:
SELECT 1;
