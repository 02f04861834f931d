-- title: a page after a row, by a row comparison
-- verdict: harmful
-- object: feed
-- cure: feed (published, id) | feed (published DESC, id DESC)
-- setup:
CREATE TABLE feed (id bigserial PRIMARY KEY, published timestamptz NOT NULL, body text);
INSERT INTO feed (published, body) SELECT timestamptz '2024-01-01 00:00+00' + (i::bigint * 7919 % 150000) * interval '1 minute', repeat('f', 110) FROM generate_series(1, 150000) i;
ANALYZE feed;
-- query:
SELECT id, published, body FROM feed WHERE (published, id) < ($1, $2) ORDER BY published DESC, id DESC LIMIT 20;
-- truth:
SELECT id, published, body FROM feed WHERE (published, id) < ('2024-02-01 00:00+00', 5) ORDER BY published DESC, id DESC LIMIT 20;
