-- title: all sessions that live: most
-- verdict: rightful
-- setup:
CREATE TABLE sessions (token text PRIMARY KEY, user_id integer, created_at timestamptz NOT NULL, expires_at timestamptz NOT NULL, data text);
INSERT INTO sessions SELECT md5(i::text), i % 9000, now() - (i % 30000) * interval '1 minute', now() - interval '2 hours' + i * interval '1 minute', repeat('d', 80) FROM generate_series(1, 120000) i;
CREATE INDEX ON sessions (expires_at);
ANALYZE sessions;
-- query:
SELECT user_id, count(*) FROM sessions WHERE expires_at > now() GROUP BY user_id;
