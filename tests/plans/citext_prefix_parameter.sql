-- title: a prefix of a citext column, a parameter
-- verdict: harmful
-- object: accounts
-- cure: none: rewrite | none: collation | none: function
-- setup:
CREATE EXTENSION IF NOT EXISTS citext;
CREATE TABLE accounts (id bigserial PRIMARY KEY, email citext NOT NULL, name text, bio text);
INSERT INTO accounts (email, name, bio) SELECT 'User' || i || '@Example.org', 'n' || i, repeat('b', 110) FROM generate_series(1, 120000) i;
ANALYZE accounts;
-- query:
SELECT id, name FROM accounts WHERE email LIKE $1;
-- truth:
SELECT id, name FROM accounts WHERE email LIKE 'user777%';
