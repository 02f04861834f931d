-- title: the few accounts that are locked
-- verdict: harmful
-- object: users
-- cure: users (locked_at) | users (id) WHERE locked_at IS NOT NULL | users (locked_at) WHERE locked_at IS NOT NULL
-- setup:
CREATE TABLE users (id bigserial PRIMARY KEY, email text NOT NULL, locked_at timestamptz, bio text);
INSERT INTO users (email, locked_at, bio)
  SELECT 'user' || i || '@example.org', CASE WHEN i % 2000 = 0 THEN timestamptz '2025-01-01 00:00+00' + i * interval '1 second' END, repeat('x', 100)
  FROM generate_series(1, 200000) i;
ANALYZE users;
-- query:
SELECT id, email, locked_at FROM users WHERE locked_at IS NOT NULL;
