-- title: the next page of one feed by time and id, one index on time
-- verdict: harmful
-- object: posts
-- cure: posts (feed_id, created, id) | posts (feed_id, created) | posts (feed_id)
-- setup:
CREATE TABLE posts (id bigint PRIMARY KEY, feed_id integer NOT NULL, created timestamptz NOT NULL, body text);
INSERT INTO posts SELECT i, i * 7919 % 3000, timestamptz '2023-01-01 00:00+00' + i * interval '1 minute', repeat('p', 120) FROM generate_series(1, 200000) i;
CREATE INDEX ON posts (created);
VACUUM ANALYZE posts;
-- query:
SELECT * FROM posts WHERE feed_id = $1 AND created < $2 ORDER BY created DESC LIMIT $3;
-- truth:
SELECT * FROM posts WHERE feed_id = 77 AND created < timestamptz '2023-04-01 00:00+00' ORDER BY created DESC LIMIT 20;
