-- title: posts that are to be published: most lie in the past
-- verdict: harmful
-- object: posts
-- cure: posts (publish_at) | posts (publish_at, written_at)
-- setup:
CREATE TABLE posts (id bigserial PRIMARY KEY, author_id integer NOT NULL, written_at timestamp NOT NULL, publish_at timestamp NOT NULL, body text);
INSERT INTO posts (author_id, written_at, publish_at, body)
  SELECT i % 900, localtimestamp - (150000 - i) * interval '10 minutes', localtimestamp - (150000 - i) * interval '10 minutes' + interval '2 days', repeat('t', 110)
  FROM generate_series(1, 150000) i;
ANALYZE posts;
-- query:
SELECT id, body FROM posts WHERE written_at < CURRENT_TIMESTAMP AND publish_at > CURRENT_TIMESTAMP + interval '1 day';
