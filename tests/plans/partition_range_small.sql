-- title: an account's events of a day, of small partitions
-- verdict: rightful
-- setup:
CREATE TABLE events (id bigint NOT NULL, account_id integer NOT NULL, created_at timestamptz NOT NULL, payload text) PARTITION BY RANGE (created_at);
DO $$ BEGIN FOR d IN 0..39 LOOP EXECUTE format('CREATE TABLE events_%s PARTITION OF events FOR VALUES FROM (%L) TO (%L)', d, timestamptz '2025-01-01 00:00+00' + d * interval '1 day', timestamptz '2025-01-02 00:00+00' + d * interval '1 day'); END LOOP; END $$;
INSERT INTO events SELECT i, i % 600, timestamptz '2025-01-01 00:00+00' + i * interval '11 seconds', repeat('x', 90) FROM generate_series(1, 300000) i;
ANALYZE events;
-- query:
SELECT id, payload FROM events WHERE account_id = $1 AND created_at >= $2 AND created_at < $3;
-- truth:
SELECT id, payload FROM events WHERE account_id = 77 AND created_at >= '2025-01-03 00:00+00' AND created_at < '2025-01-04 00:00+00';
