-- title: a day and an account
-- verdict: harmful
-- object: events
-- cure: events (account, day) | events (day, account) | events (account)
-- setup:
CREATE TABLE events (day date NOT NULL, account integer, name text, body text) PARTITION BY RANGE (day);
CREATE TABLE events_2025_01 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
CREATE TABLE events_2025_02 PARTITION OF events FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');
CREATE TABLE events_2025_03 PARTITION OF events FOR VALUES FROM ('2025-03-01') TO ('2025-04-01');
INSERT INTO events SELECT date '2025-01-01' + i % 90, i % 6000, 'n' || i % 30, repeat('e', 90) FROM generate_series(1, 330000) i;
ANALYZE events;
-- query:
SELECT * FROM events WHERE day = $1 AND account = $2;
-- truth:
SELECT * FROM events WHERE day = '2025-01-05' AND account = 4;
