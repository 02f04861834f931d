-- title: the last week by the clock
-- verdict: rightful
-- setup:
CREATE TABLE events (id bigint NOT NULL, account_id integer NOT NULL, created_at timestamptz NOT NULL, payload text) PARTITION BY RANGE (created_at);
DO $$ BEGIN FOR d IN 0..3 LOOP EXECUTE format('CREATE TABLE events_%s PARTITION OF events FOR VALUES FROM (%L) TO (%L)', d, date_trunc('day', now()) - d * interval '7 days' - interval '6 days', date_trunc('day', now()) - d * interval '7 days' + interval '1 day'); END LOOP; END $$;
INSERT INTO events SELECT i, i % 600, now() - i * interval '6 seconds', repeat('x', 90) FROM generate_series(1, 380000) i;
ANALYZE events;
-- query:
SELECT account_id, count(*) FROM events WHERE created_at > now() - interval '6 days' GROUP BY account_id;
