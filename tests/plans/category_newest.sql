-- title: the newest of one of twelve categories
-- verdict: harmful
-- object: posts
-- cure: posts (category_id, published_at) | posts (category_id, published_at DESC) | posts (published_at) | posts (published_at DESC)
-- setup:
CREATE TABLE posts (id bigserial PRIMARY KEY, category_id integer NOT NULL, title text NOT NULL, published_at timestamptz NOT NULL, body text);
INSERT INTO posts (category_id, title, published_at, body)
  SELECT i % 12, 'Post ' || i, timestamptz '2024-01-01 00:00+00' + i * 7919 % 200000 * interval '3 minutes', repeat('x', 100)
  FROM generate_series(1, 200000) i;
ANALYZE posts;
-- query:
SELECT id, title, published_at FROM posts WHERE category_id = $1 ORDER BY published_at DESC LIMIT 20;
-- truth:
SELECT id, title, published_at FROM posts WHERE category_id = 7 ORDER BY published_at DESC LIMIT 20;
