-- title: the newest twenty, each with its author by a join
-- verdict: harmful
-- object: posts
-- cure: posts (created_at) | posts (created_at DESC)
-- setup:
CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL);
INSERT INTO users SELECT i, 'User ' || i FROM generate_series(0, 4999) i;
CREATE TABLE posts (id bigserial PRIMARY KEY, author_id integer NOT NULL, title text NOT NULL, created_at timestamptz NOT NULL, body text);
INSERT INTO posts (author_id, title, created_at, body)
  SELECT i % 5000, 'Post ' || i, timestamptz '2024-01-01 00:00+00' + i * 7919 % 200000 * interval '3 minutes', repeat('x', 100)
  FROM generate_series(1, 200000) i;
ALTER TABLE posts ADD FOREIGN KEY (author_id) REFERENCES users;
ANALYZE;
-- query:
SELECT p.id, p.title, p.created_at, u.name FROM posts p INNER JOIN users u ON u.id = p.author_id ORDER BY p.created_at DESC LIMIT 20;
