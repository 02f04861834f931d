-- title: upper() in a join
-- verdict: harmful
-- object: users
-- cure: users (upper(email))
-- setup:
CREATE TABLE users (id integer PRIMARY KEY, org_id integer, email text, name varchar(80), plan text, deleted_at timestamptz,
                    last_seen timestamptz, active boolean, settings jsonb, tags text[], bio text);
INSERT INTO users SELECT i, i % 2000, 'User' || i || '@Example.org', 'Name ' || md5(i::text), 'p' || i % 5,
                         CASE WHEN i % 10 = 0 THEN now() END, now() - i * interval '1 minute', i % 50 <> 0,
                         jsonb_build_object('theme', 't' || i % 3, 'ref', 'k' || i), ARRAY['g' || i % 800, 'all'], repeat('b', 100)
  FROM generate_series(1, 150000) i;
ANALYZE users;
CREATE TABLE invited (id integer PRIMARY KEY, mail text); INSERT INTO invited SELECT i, 'USER' || i || '@EXAMPLE.ORG' FROM generate_series(1, 3000) i; ANALYZE invited;
-- query:
SELECT u.id FROM invited v JOIN users u ON upper(u.email) = v.mail WHERE v.id = $1;
-- truth:
SELECT u.id FROM invited v JOIN users u ON upper(u.email) = v.mail WHERE v.id = 7;
