-- title: a day of one partition
-- verdict: rightful
-- setup:
CREATE TABLE events2 (day date NOT NULL, body text) PARTITION BY LIST (day);
CREATE TABLE events2_1 PARTITION OF events2 FOR VALUES IN ('2025-01-01');
CREATE TABLE events2_2 PARTITION OF events2 FOR VALUES IN ('2025-01-02');
INSERT INTO events2 SELECT date '2025-01-01' + i % 2, repeat('e', 100) FROM generate_series(1, 250000) i;
ANALYZE events2;
-- query:
SELECT count(*) FROM events2 WHERE day = $1;
-- truth:
SELECT count(*) FROM events2 WHERE day = '2025-01-02';
