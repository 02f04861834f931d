-- title: a value in an array column
-- verdict: harmful
-- object: users
-- cure: none: rewrite
-- setup:
CREATE TABLE users (id integer PRIMARY KEY, org_id integer, email text, name varchar(80), plan text, deleted_at timestamptz,
                    last_seen timestamptz, active boolean, settings jsonb, tags text[], bio text);
INSERT INTO users SELECT i, i % 2000, 'User' || i || '@Example.org', 'Name ' || md5(i::text), 'p' || i % 5,
                         CASE WHEN i % 10 = 0 THEN now() END, now() - i * interval '1 minute', i % 50 <> 0,
                         jsonb_build_object('theme', 't' || i % 3, 'ref', 'k' || i), ARRAY['g' || i % 800, 'all'], repeat('b', 100)
  FROM generate_series(1, 150000) i;
ANALYZE users;
-- query:
SELECT id FROM users WHERE $1 = ANY (tags);
-- truth:
SELECT id FROM users WHERE 'g77' = ANY (tags);
