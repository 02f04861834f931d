-- title: a citext column compared for equality
-- verdict: harmful
-- object: accounts
-- cure: accounts (email)
-- setup:
CREATE EXTENSION IF NOT EXISTS citext;
CREATE TABLE accounts (id bigserial PRIMARY KEY, email citext NOT NULL, name text, bio text);
INSERT INTO accounts (email, name, bio) SELECT 'User' || i || '@Example.org', 'n' || i, repeat('b', 110) FROM generate_series(1, 120000) i;
ANALYZE accounts;
-- query:
SELECT id, name FROM accounts WHERE email = $1;
-- truth:
SELECT id, name FROM accounts WHERE email = 'user777@example.org';
