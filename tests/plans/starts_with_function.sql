-- title: starts_with()
-- verdict: harmful
-- object: users
-- cure: users (username text_pattern_ops) | none: function | none: rewrite
-- setup:
CREATE TABLE users (id bigserial PRIMARY KEY, email varchar(254) NOT NULL, username text NOT NULL, team_id integer, deleted_at timestamptz, bio text);
INSERT INTO users (email, username, team_id, deleted_at, bio)
  SELECT 'user' || i || '@example.org', 'u' || i, i % 5000, CASE WHEN i % 10 = 0 THEN timestamptz '2025-01-01 00:00+00' END, repeat('b', 110)
  FROM generate_series(1, 100000) i;
CREATE VIEW living WITH (security_barrier) AS SELECT id, email, username, team_id FROM users WHERE deleted_at IS NULL;
ANALYZE;
-- query:
SELECT id, email FROM users WHERE starts_with(username, $1);
-- truth:
SELECT id, email FROM users WHERE starts_with(username, 'u7777');
