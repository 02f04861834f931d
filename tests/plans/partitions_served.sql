-- title: every partition has the index
-- verdict: rightful
-- setup:
CREATE TABLE events (day date NOT NULL, account integer, name text, body text) PARTITION BY RANGE (day);
CREATE TABLE events_2025_01 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
CREATE TABLE events_2025_02 PARTITION OF events FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');
CREATE TABLE events_2025_03 PARTITION OF events FOR VALUES FROM ('2025-03-01') TO ('2025-04-01');
INSERT INTO events SELECT date '2025-01-01' + i % 90, i % 6000, 'n' || i % 30, repeat('e', 90) FROM generate_series(1, 330000) i;
ANALYZE events;
CREATE INDEX ON events (account);
-- query:
SELECT * FROM events WHERE account = $1;
-- truth:
SELECT * FROM events WHERE account = 4;
