SET client_min_messages = warning;
SET synchronous_commit = off;
CREATE ROLE club_owner LOGIN;
GRANT CREATE ON SCHEMA public TO club_owner;
SET ROLE club_owner;
CREATE TABLE members (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL, profile text);
INSERT INTO members (email, profile)
SELECT 'User' || i || '@example.org', repeat(md5(i::text), 10) FROM generate_series(1, 500000 * :scale) i;
CREATE UNIQUE INDEX members_email ON members (email);
GRANT SELECT ON members TO app;
RESET ROLE;
VACUUM ANALYZE members;
CHECKPOINT;
