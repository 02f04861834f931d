-- title: one region of one month, read whole
-- verdict: rightful
-- setup:
CREATE TABLE events (id bigint, at date, region text, customer_id integer, pad text) PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2025-02-01') PARTITION BY LIST (region);
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2025-02-01') TO ('2025-03-01') PARTITION BY LIST (region);
CREATE TABLE events_1_eu PARTITION OF events_1 FOR VALUES IN ('eu');
CREATE TABLE events_1_us PARTITION OF events_1 FOR VALUES IN ('us');
CREATE TABLE events_2_eu PARTITION OF events_2 FOR VALUES IN ('eu');
CREATE TABLE events_2_us PARTITION OF events_2 FOR VALUES IN ('us');
INSERT INTO events SELECT i, date '2025-01-01' + i % 58, CASE i % 2 WHEN 0 THEN 'eu' ELSE 'us' END, i % 20000, repeat('p', 100) FROM generate_series(1, 400000) i;
ANALYZE;
-- query:
SELECT count(*) FROM events WHERE at >= $1 AND at < $2 AND region = $3;
-- truth:
SELECT count(*) FROM events WHERE at >= date '2025-01-01' AND at < date '2025-02-01' AND region = 'eu';
