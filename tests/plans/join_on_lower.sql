-- title: a join by lower-cased addresses of one list
-- verdict: harmful
-- object: users
-- cure: users (lower(email))
-- setup:
CREATE TABLE users (id bigint PRIMARY KEY, email text, note text);
INSERT INTO users SELECT i, 'User' || i || '@x', repeat('n', 100) FROM generate_series(1, 120000) i;
CREATE TABLE invites (id bigint PRIMARY KEY, batch integer, address text);
INSERT INTO invites SELECT i, i / 10, 'user' || i || '@x' FROM generate_series(1, 20000) i;
CREATE INDEX ON invites (batch);
ANALYZE;
-- query:
SELECT u.id FROM invites i JOIN users u ON lower(u.email) = i.address WHERE i.batch = $1;
-- truth:
SELECT u.id FROM invites i JOIN users u ON lower(u.email) = i.address WHERE i.batch = 77;
