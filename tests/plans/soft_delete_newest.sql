-- title: the newest page of what is not soft-deleted
-- verdict: harmful
-- object: articles
-- cure: articles (created_at) | articles (created_at DESC) | articles (created_at) WHERE deleted_at IS NULL | articles (created_at DESC) WHERE deleted_at IS NULL
-- setup:
CREATE TABLE articles (id bigserial PRIMARY KEY, author_id integer NOT NULL, title text NOT NULL, created_at timestamptz NOT NULL, deleted_at timestamptz, body text);
INSERT INTO articles (author_id, title, created_at, deleted_at, body)
  SELECT i % 3000, 'Article ' || i, timestamptz '2024-01-01 00:00+00' + i * 7919 % 200000 * interval '3 minutes',
         CASE WHEN i % 10 = 0 THEN timestamptz '2025-06-01 00:00+00' END, repeat('x', 100)
  FROM generate_series(1, 200000) i;
ANALYZE articles;
-- query:
SELECT id, title FROM articles WHERE deleted_at IS NULL ORDER BY created_at DESC LIMIT $1;
-- truth:
SELECT id, title FROM articles WHERE deleted_at IS NULL ORDER BY created_at DESC LIMIT 20;
