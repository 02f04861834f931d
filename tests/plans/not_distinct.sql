-- title: IS NOT DISTINCT FROM keeps an index from serving
-- verdict: harmful
-- object: users
-- cure: none: rewrite
-- setup:
CREATE TABLE users (id bigserial PRIMARY KEY, email varchar(254) NOT NULL, username varchar(150) NOT NULL, first_name text, last_name text, team_id integer,
                    reset_token text, invite_code text, country_id integer, created_at timestamptz NOT NULL, deleted_at timestamptz, bio text);
INSERT INTO users (email, username, first_name, last_name, team_id, reset_token, invite_code, country_id, created_at, deleted_at, bio)
  SELECT 'User' || i || '@example.org', 'u' || i, 'F' || i % 900, 'L' || i * 7919 % 40000, i % 5000, CASE WHEN i % 400 = 0 THEN md5(i::text) END, md5('i' || i),
         i % 190, timestamptz '2023-01-01 00:00+00' + i * interval '9 minutes', CASE WHEN i % 10 = 0 THEN timestamptz '2025-01-01 00:00+00' END, repeat('b', 90)
  FROM generate_series(1, 100000) i;
CREATE INDEX ON users (invite_code);
ANALYZE;
-- query:
SELECT id FROM users WHERE invite_code IS NOT DISTINCT FROM $1;
-- truth:
SELECT id FROM users WHERE invite_code IS NOT DISTINCT FROM 'a';
