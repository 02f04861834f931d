-- title: a whole materialised view sorted for a report
-- verdict: rightful
-- setup:
CREATE TABLE base (id integer, region text, pad text);
INSERT INTO base SELECT i, 'r' || i % 90000, repeat('b', 100) FROM generate_series(1, 150000) i;
CREATE MATERIALIZED VIEW regions AS SELECT region, count(*) AS n, repeat('x', 100) AS pad FROM base GROUP BY region;
ANALYZE;
-- query:
SELECT region, n FROM regions ORDER BY n DESC, region;
