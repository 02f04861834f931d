-- title: either of two tables
-- verdict: harmful
-- cure: none: rewrite
-- setup:
CREATE TABLE users (id bigserial PRIMARY KEY, email varchar(254) NOT NULL, username varchar(150) NOT NULL, first_name text, last_name text, team_id integer,
                    reset_token text, invite_code text, country_id integer, created_at timestamptz NOT NULL, deleted_at timestamptz, bio text);
INSERT INTO users (email, username, first_name, last_name, team_id, reset_token, invite_code, country_id, created_at, deleted_at, bio)
  SELECT 'User' || i || '@example.org', 'u' || i, 'F' || i % 900, 'L' || i * 7919 % 40000, i % 5000, CASE WHEN i % 400 = 0 THEN md5(i::text) END, md5('i' || i),
         i % 190, timestamptz '2023-01-01 00:00+00' + i * interval '9 minutes', CASE WHEN i % 10 = 0 THEN timestamptz '2025-01-01 00:00+00' END, repeat('b', 90)
  FROM generate_series(1, 100000) i;
CREATE INDEX ON users (email);
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint NOT NULL, status_id smallint NOT NULL, reference text NOT NULL, placed timestamptz NOT NULL,
                     total numeric(10,2), region text, note text);
INSERT INTO orders SELECT i, i * 7919 % 100000 + 1, i % 6, 'R' || md5(i::text), timestamptz '2024-01-01 00:00+00' + i * interval '5 minutes', i % 900 + 0.5,
                          'r' || i % 12, repeat('n', 60)
  FROM generate_series(1, 150000) i;
CREATE INDEX ON orders (reference);
CREATE INDEX ON orders (user_id);
ANALYZE;
-- query:
SELECT o.id FROM orders o JOIN users u ON u.id = o.user_id WHERE o.reference = $1 OR u.email = $2;
-- truth:
SELECT o.id FROM orders o JOIN users u ON u.id = o.user_id WHERE o.reference = 'x' OR u.email = 'y';
