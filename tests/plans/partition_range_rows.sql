-- title: the rows of a month of a table of months
-- verdict: rightful
-- setup:
CREATE TABLE events (id bigint NOT NULL, account_id integer NOT NULL, created_at timestamptz NOT NULL, payload text) PARTITION BY RANGE (created_at);
CREATE TABLE events_2025_01 PARTITION OF events FOR VALUES FROM ('2025-01-01 00:00+00') TO ('2025-02-01 00:00+00');
CREATE TABLE events_2025_02 PARTITION OF events FOR VALUES FROM ('2025-02-01 00:00+00') TO ('2025-03-01 00:00+00');
CREATE TABLE events_2025_03 PARTITION OF events FOR VALUES FROM ('2025-03-01 00:00+00') TO ('2025-04-01 00:00+00');
CREATE TABLE events_2025_04 PARTITION OF events FOR VALUES FROM ('2025-04-01 00:00+00') TO ('2025-05-01 00:00+00');
INSERT INTO events SELECT i, i % 6000, timestamptz '2025-01-01 00:00+00' + i * interval '25 seconds', repeat('x', 90) FROM generate_series(1, 400000) i;
ANALYZE events;
-- query:
SELECT * FROM events WHERE created_at BETWEEN $1 AND $2;
-- truth:
SELECT * FROM events WHERE created_at BETWEEN '2025-02-01 00:00+00' AND '2025-02-28 00:00+00';
