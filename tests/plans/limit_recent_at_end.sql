-- title: some rows since a moment: they all lie at the end of the table
-- verdict: harmful
-- object: events
-- cure: events (created_at)
-- setup:
CREATE TABLE events (id bigserial PRIMARY KEY, kind text NOT NULL, created_at timestamptz NOT NULL, payload text);
INSERT INTO events (kind, created_at, payload)
  SELECT 'k' || i % 9, timestamptz '2024-01-01 00:00+00' + i * interval '3 minutes', repeat('x', 100) FROM generate_series(1, 200000) i;
ANALYZE events;
-- query:
SELECT id, kind, created_at FROM events WHERE created_at >= '2025-02-17 00:00+00' LIMIT 20;
