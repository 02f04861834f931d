-- title: an account's events of a month
-- verdict: harmful
-- object: events
-- cure: events (account_id, created_at) | events (account_id)
-- setup:
CREATE TABLE events (id bigint NOT NULL, account_id integer NOT NULL, created_at timestamptz NOT NULL, payload text) PARTITION BY RANGE (created_at);
CREATE TABLE events_2025_01 PARTITION OF events FOR VALUES FROM ('2025-01-01 00:00+00') TO ('2025-02-01 00:00+00');
CREATE TABLE events_2025_02 PARTITION OF events FOR VALUES FROM ('2025-02-01 00:00+00') TO ('2025-03-01 00:00+00');
CREATE TABLE events_2025_03 PARTITION OF events FOR VALUES FROM ('2025-03-01 00:00+00') TO ('2025-04-01 00:00+00');
CREATE TABLE events_2025_04 PARTITION OF events FOR VALUES FROM ('2025-04-01 00:00+00') TO ('2025-05-01 00:00+00');
INSERT INTO events SELECT i, i % 6000, timestamptz '2025-01-01 00:00+00' + i * interval '25 seconds', repeat('x', 90) FROM generate_series(1, 400000) i;
ANALYZE events;
-- query:
SELECT id, payload FROM events WHERE account_id = $1 AND created_at >= $2 AND created_at < $3;
-- truth:
SELECT id, payload FROM events WHERE account_id = 77 AND created_at >= '2025-02-01 00:00+00' AND created_at < '2025-03-01 00:00+00';
